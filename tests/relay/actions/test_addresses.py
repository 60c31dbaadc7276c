import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.actions.addresses import is_public
from tests.file_host import OTHER, PUBLIC, SIXTH

INSIDE = [
    "0.0.0.0",  # noqa: S104 - it is refused
    "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "100.127.255.255", "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254",
    "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.9", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::",
    "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a00:1",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "64:ff9b:1:ffff::1",
    "100::1", "100:0:0:1::1", "1000::1", "2001::1", "2001:0:808:808::1", "2001:2::1", "2001:10::1",
    "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1", "4000::1", "5f00::1",
    "8000::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1",
    "feff::1", "ff02::1", "ff0e::1", "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:808:808",
]  # fmt: skip
OUTSIDE = [
    PUBLIC, OTHER, SIXTH, "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255",
    "100.128.0.1", "126.255.255.255", "128.0.0.1", "168.63.129.15", "169.253.255.255", "169.255.0.1",
    "172.15.255.255", "172.32.0.1", "191.255.255.255", "192.0.1.1", "192.88.98.1", "192.167.255.255",
    "192.169.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2000::1", "2001:200::1",
    "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700:4700::1111",
    "2a00:1450:4001::200e", "3ffe::1",
]  # fmt: skip
NO_ADDRESS = [
    "", " ", "localhost", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "08.8.8.8",
    "8.8.8.8 ", "8.8.8.8\n", "8.8.8", "8.8.8.8.8", "8.8.8.8/32", "8.8.8.8%1", "256.8.8.8", "\uff18.8.8.8",
    "[2606:4700::1]", "2606:4700::1%eth0", "2606:4700::1%0", "2606:4700::1%", "2606:4700:::1",
    "::ffff:8.8.8", "8.8.8.8:443",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)
    socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address.partition("%")[0])


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


# First bits of what a relay could reach inside, and how many of them, as the registries of special-purpose
# addresses (RFC 6890) and of address space have them, bit by bit.
BLOCKS_4 = {
    "00000000": "this network", "00001010": "private", "0110010001": "behind a carrier's NAT",
    "01111111": "loopback", "1010100111111110": "link-local", "101011000001": "private",
    "110000000000000000000000": "protocols", "1100000010101000": "private", "110001100001001": "benchmarks",
    "1110": "multicast", "1111": "reserved",
}  # fmt: skip
BLOCKS_6 = {
    "0" * 96: "compatible", "0" * 80 + "1" * 16: "mapped", "0" * 64 + "1" * 16 + "0" * 16: "translated",
    f"{0x64FF9B:032b}" + "0" * 64: "NAT64", f"{0x64FF9B0001:048b}": "local NAT64",
    f"{0x20010000:032b}": "Teredo", f"{0x2002:016b}": "6to4", "1111110": "unique local",
    "1111111010": "link-local", "1111111011": "site-local", "11111111": "multicast",
}  # fmt: skip


@given(st.sampled_from(list(BLOCKS_4)), st.integers(0, 2**32 - 1))
def test_every_address_of_a_block_inside_is_refused(block: str, noise: int) -> None:
    bits = block + f"{noise:032b}"[len(block) :]
    assert not is_public(str(ipaddress.IPv4Address(int(bits, 2))))


@given(st.sampled_from(list(BLOCKS_6)), st.integers(0, 2**128 - 1))
def test_every_address_of_a_block_inside_is_refused_in_version_6(block: str, noise: int) -> None:
    bits = block + f"{noise:0128b}"[len(block) :]
    assert not is_public(str(ipaddress.IPv6Address(int(bits, 2))))


@given(st.binary(min_size=4, max_size=4), st.sampled_from(["::", "::ffff:", "64:ff9b::", "::ffff:0:"]))
def test_no_address_holds_another_one(inner: bytes, prefix: str) -> None:
    text = socket.inet_ntop(socket.AF_INET, inner)
    assert not is_public(prefix + text)
    assert not is_public(f"2002:{inner.hex()[:4]}:{inner.hex()[4:]}::1")


@given(st.ip_addresses())
def test_what_is_public_is_so_to_the_standard_library_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_private
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert is_public(text) in {True, False}
