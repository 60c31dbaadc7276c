"""Documents as ready bytes: in the coding that a client takes, and sent only where it lacks them."""

import asyncio
import gzip
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from relay.errors import NotAcceptable

JSON = "application/json"
YAML = "application/yaml"  # RFC 9512, 2.1
_IDENTITY, _GZIP = "identity", "gzip"
_UNNAMED = 0.0001  # without a word about it, no coding at all is acceptable, and the last choice
_LEVEL = 6  # 9 takes three times as long for a twentieth less
# Public, and asked about each time: a relay that was set or made anew has other documents at once.
_CACHE_CONTROL = "no-cache"
_MEMBER = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)
_TAGS = re.compile(r'[ \t,]*(?:(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,[ \t,]*|\Z))')
# One thread: many who ask at once wait for one to be made, rather than make one each. And one of its own: a
# client can name any number of hosts to make documents for, and must not hold the threads that others need.
_MAKING = ThreadPoolExecutor(max_workers=1, thread_name_prefix="documents")


@dataclass(frozen=True, slots=True)
class Representation:
    """A document's bytes in one coding (RFC 9110, 8.4.1), and the entity tag that tells them from all others.

    The tag is a strong one (8.8.1), quotes included: a hash of the bytes, so that every process has the same.
    """

    content: bytes
    coding: str
    etag: str

    @classmethod
    def of(cls, content: bytes, coding: str) -> "Representation":
        """What `content` is when it is already in `coding`."""
        return cls(content, coding, f'"{sha256(content).hexdigest()[:32]}"')


class Document:
    """A document of one media type, in each coding that it is sent in.

    `make` gives its bytes. It is called when a coding is asked for that there is not yet, and what is made of
    them is kept: the plain bytes only where a client takes no coding.
    """

    def __init__(self, make: Callable[[], bytes], media_type: str) -> None:
        self.media_type = media_type
        self._make = make
        self._made: dict[str, Representation] = {}

    def made(self, coding: str) -> Representation | None:
        """The representation in that coding, where it is made already: what needs no time."""
        return self._made.get(coding)

    def make(self, coding: str) -> Representation:
        """The representation in that coding, `gzip` or `identity`; raises what making it raises."""
        if coding not in self._made:
            # Without a time in it, so that equal documents have equal bytes and tags in every process.
            plain = self._made.get(_IDENTITY)
            content = plain.content if plain is not None else self._make()
            if coding == _GZIP:
                content = gzip.compress(content, _LEVEL, mtime=0)
            self._made[coding] = Representation.of(content, coding)
        return self._made[coding]


def coding_for(accept_encoding: str | None) -> str:
    """`gzip` or `identity`, as Accept-Encoding prefers (RFC 9110, 12.5.3); None is a field that was not sent.

    What is no member of the list as its grammar has it is left out. Raises NotAcceptable where the field
    refuses both.
    """
    weights = _weights(accept_encoding or "")
    zipped = weights.get(_GZIP, weights.get("x-gzip", weights.get("*", 0.0)))
    plain = weights.get(_IDENTITY, weights.get("*", _UNNAMED))
    if zipped and zipped >= plain:
        return _GZIP
    if not plain:
        message = f"Accept-Encoding refuses every coding that this document has: {_GZIP}, {_IDENTITY}"
        raise NotAcceptable(message, headers={"Vary": "Accept-Encoding"})
    return _IDENTITY


def _weights(field: str) -> dict[str, float]:
    members = (_MEMBER.fullmatch(member) for member in field.split(","))
    return {found[1].lower(): float(found[2] or 1) for found in members if found}


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether If-None-Match says that the client has what `etag` names (RFC 9110, 13.1.2).

    Tags are compared weakly (8.8.3.2). What is no list of tags is no condition.
    """
    if if_none_match is None:
        return False
    if if_none_match.strip(" \t") == "*":
        return True
    place, tags = 0, set()
    while place < len(if_none_match):
        found = _TAGS.match(if_none_match, place)
        if found is None:
            return False
        tags.add(found[1])
        place = found.end()
    return etag in tags


async def answer(
    document: Document, scope: Scope, receive: Receive, send: Send, also: Mapping[str, str] | None = None
) -> None:
    """Send `document`, or 304 where the client has it already (RFC 9110, 15.4.5), with the fields `also`.

    What is made already is sent at once. What is not is made beside the event loop, and not while another
    one is. Raises what making it raises, and NotAcceptable.
    """
    accepted, known = (joined(scope, name) for name in (b"accept-encoding", b"if-none-match"))
    coding = coding_for(accepted)
    chosen = document.made(coding)
    if chosen is None:
        chosen = await asyncio.get_running_loop().run_in_executor(_MAKING, document.make, coding)
    fields = {"etag": chosen.etag, "cache-control": _CACHE_CONTROL, "vary": "Accept-Encoding", **(also or {})}
    if is_known(chosen.etag, known):
        await Response(None, 304, fields)(scope, receive, send)
        return
    if chosen.coding != _IDENTITY:
        fields["content-encoding"] = chosen.coding
    await Response(chosen.content, 200, fields, document.media_type)(scope, receive, send)


def joined(scope: Scope, name: bytes) -> str | None:
    """The field `name`, its lines made one (RFC 9110, 5.2); None where there is none."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    lines = [value.decode("latin-1") for key, value in headers if key == name]
    return ", ".join(lines) if lines else None
