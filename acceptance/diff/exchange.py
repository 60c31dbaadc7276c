"""One request to one side, and all that came of it."""

import re
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from acceptance.answer import Unmet
from acceptance.client import Client, Target
from acceptance.exits import Unreachable, Unusable

Fields = list[tuple[str, str]]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?|")
_PATH = re.compile(r"/[!\"$-\[\]-~]*")
_KEYS = frozenset({"authorization", "x-relay-key"})
_FRAMING = frozenset({"connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade"})
_NO_JSON = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to both sides. `path` is below `/v1` and may have a query; the fields hold no key."""

    method: str
    path: str
    fields: Fields
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one side answered. `broken` says how the answer ended before it was whole; empty: it was.

    `fields` are in order, their names in lower case. `body` has no Content-Encoding any more.
    """

    side: str
    status: int
    fields: Fields
    media_type: str
    body: bytes
    broken: str
    seconds: float

    @property
    def digest(self) -> str:
        """The length of the body in bytes, and the beginning of its SHA-256."""
        return f"{len(self.body):,} bytes, sha256 {sha256(self.body).hexdigest()[:16]}"

    def values(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        return [value for key, value in self.fields if key == name]


def request(method: str, path: str, given: tuple[str, ...], data: str | None) -> Request:
    """The request of a command line, written as curl has it; raises Unusable.

    `given` are fields as `name: value`. `data` is the body, `@file` the content of one, `@-` or `-` what
    stands in standard input; it is JSON unless a field says something else.
    """
    if not _TOKEN.fullmatch(method) or method.upper() in {"CONNECT", "TRACE"}:
        raise Unusable(f"METHOD {method!r} is invalid: allowed is one such as GET or POST")
    if not _PATH.fullmatch(path) or path.startswith("//"):
        raise Unusable(f"PATH {path!r} is invalid: allowed is what follows the host, such as /v1/models")
    below = path.removeprefix("/v1") if path.startswith(("/v1/", "/v1?")) else path
    fields, body = [_field(line) for line in given], None if data is None else _body(data)
    if body is not None and "content-type" not in {name for name, _ in fields}:
        fields.append(("content-type", "application/json"))
    return Request(method.upper(), below, fields, body)


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name, value = name.strip().lower(), value.strip()
    if name in _KEYS:
        raise Unusable(f"-H {name} is invalid: keys come from --key, RELAY_KEY and OPENAI_API_KEY alone")
    if name in _FRAMING:
        raise Unusable(f"-H {name} is invalid: it belongs to each connection")
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise Unusable(f"-H {line[:100]!r} is invalid: allowed is 'name: value' in visible ASCII")
    return name, value


def _body(data: str) -> bytes:
    try:
        if data in {"-", "@-"}:
            return sys.stdin.buffer.read()
        if data.startswith("@"):
            return Path(data[1:]).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such file"
        raise Unusable(f"-d {data[:100]!r} is invalid: allowed is a readable file ({reason})") from None
    return data.encode("utf-8", "surrogateescape")


def exchanged(side: str, target: Target, asked: Request, more: Fields) -> Exchange:
    """Send `asked` with the fields `more` to one side; raises Unreachable where no answer began."""
    names = {name for name, _ in more}
    fields = [field for field in asked.fields if field[0] not in names] + more
    incoming, body, broken, began = None, bytearray(), "", time.monotonic()
    try:
        with (
            Client(target) as client,
            client.opened(asked.method, asked.path, headers=fields, content=asked.body) as incoming,
        ):
            for _, chunk in incoming.chunks():
                body += chunk
    except Unmet as unmet:
        if incoming is None:
            raise Unreachable(f"{side} did not answer: {unmet.came}") from None
        broken = unmet.came
    media_type = incoming.media_type or _NO_JSON
    spent = time.monotonic() - began
    return Exchange(side, incoming.status, incoming.fields, media_type, bytes(body), broken, spent)
