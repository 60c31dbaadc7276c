"""Which addresses are out in public: those that the relay may dial in a client's stead."""

from ipaddress import IPv6Address, ip_address, ip_network

# What `is_global` lets through, or has let through in one version of Python or another. See the registries of
# special-purpose addresses (RFC 6890) and, for addresses that hold another one, what each says of itself.
_INSIDE = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # behind a carrier's NAT (RFC 6598)
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # what a machine in Azure asks about itself
        "169.254.0.0/16",  # link-local, and what a machine in other clouds asks about itself (RFC 3927)
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays, which are no more (RFC 7526)
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved, and broadcast (RFC 1112)
        "::/3",  # loopback, mapped, compatible, translated (RFC 4291, 2765), NAT64 (RFC 6052, 8215), reserved
        "2001::/23",  # protocol assignments, Teredo among them (RFC 2928, 4380)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4 (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
        "4000::/2",  # reserved, and segment routing (RFC 9602)
        "8000::/1",  # reserved, unique local, link-local, site-local, multicast (RFC 4193, 4291, 3879)
    )
]
_ISATAP = 0x5EFE  # what begins the interface's half of an address that ends in an IPv4 one (RFC 5214, 6.1)


def is_public(text: str) -> bool:
    """Whether `text`, as a resolver gives it, is an address out in public, and holds no IPv4 one within it.

    False also for what is no address, and for one with a scope (RFC 4007, 11).
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and (address.scope_id or _isatap(address)):
        return False
    inside = any(address in network for network in _INSIDE)
    return address.is_global and not address.is_multicast and not inside


def _isatap(address: IPv6Address) -> bool:
    universal = 1 << 25
    return int(address) >> 32 & 0xFFFF_FFFF & ~universal == _ISATAP
