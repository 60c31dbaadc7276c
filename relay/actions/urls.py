"""Addresses of files: what has one reading, and leads to OpenAI's own file hosts."""

import re
from dataclasses import dataclass

from relay.errors import InvalidBody

MAX_URL_BYTES = 8 * 1024
_MAX_HOST_BYTES = 253  # RFC 1035, 2.3.4
_HOST = "files.openai.com"
_SUFFIXES = (".oaiusercontent.com", ".openai.com", ".openaiusercontent.com")
_BLOBS = ("oaidalle", "blob.core.windows.net")
_ALLOWED = ", ".join((_HOST, *(f"*{suffix}" for suffix in _SUFFIXES), f"{_BLOBS[0]}*.{_BLOBS[1]}"))
# A name in letters, digits and hyphens (RFC 1123, 2.1), and none that stands for another (RFC 5890, 2.3.2.1).
_LABEL = "(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_TARGET = r"/[!\"$-\[\]-~]*"
_URL = re.compile(rf"https://({_LABEL}(?:\.{_LABEL})+)(?::443)?({_TARGET})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a file is: `host` in lower case, and `path` and query as bytes, just as they were given."""

    host: str
    path: bytes


def checked(url: str, param: str) -> Target:
    """The host and the path of `url`; raises InvalidBody with `param` for one that the relay does not fetch.

    That is all but `https://`, an allowed host, at most port 443, and a path with or without a query, in
    printable ASCII (RFC 3986, without user information and fragment). Nothing is decoded or put right.
    """
    found = _URL.fullmatch(url) if len(url) <= MAX_URL_BYTES else None
    if found is None or not _is_allowed(found[1].lower()):
        message = (
            "This address is not fetched. Allowed is https, without user, fragment or other port than 443, "
            f"up to {MAX_URL_BYTES:,} characters of ASCII, from OpenAI's file hosts: {_ALLOWED}"
        )
        raise InvalidBody(message, param=param, code="blocked_url")
    return Target(found[1].lower(), found[2].encode("ascii"))


def _is_allowed(host: str) -> bool:
    first, _, rest = host.partition(".")
    blob = first.startswith(_BLOBS[0]) and rest == _BLOBS[1]
    return len(host) <= _MAX_HOST_BYTES and (host == _HOST or host.endswith(_SUFFIXES) or blob)
