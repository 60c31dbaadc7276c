"""Faults at any byte of an answer, and what a client makes of what the relay says then.

An outcome is `exact` (the answer that the upstream's bytes are), `signalled` (an error status, an error event
or an aborted connection, after nothing but the beginning of that answer), `silently lost` or `hung`.
"""

import asyncio
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BytesIO

from tests.faulty import Connection
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import CHAT, LAST_CHUNK, STREAM_BODY, chunk, request

FAULTS = ("reset", "close", "stall", "garbage")
EXACT, SIGNALLED, LOST, HUNG = "exact", "signalled", "silently lost", "hung"
_SECONDS = 30  # far beyond any limit of the relay's that is at work here
_ERROR_EVENT = re.compile(rb'[\r\n]*(?:event: error\n)?data: \{"error": [^\n]+\n\n\Z')
_ERRORS = {502, 504}
_REDIRECTS = 300
_NUMBER = re.compile(rb"\r\nx-number: (\d+)\r\n")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[^\r\n]*)?\r\n")
_TRAILERS = re.compile(rb"(?:[^\r\n]+\r\n)*\r\n")
_NOISE = random.Random(7).randbytes(60_000)  # noqa: S311 - any bytes will do
_TEXT = json.dumps({"object": "list", "data": list(range(500))}).encode()


def _answer(media_type: str, framing: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {media_type}\r\n{framing}\r\n\r\n"
    return head.encode() + body


ANSWERS = {
    "json": _answer("application/json", f"content-length: {len(_TEXT)}", _TEXT),
    "chunked": _answer(
        "application/json",
        "transfer-encoding: chunked",
        b"".join(chunk(_TEXT[at : at + 333]) for at in range(0, len(_TEXT), 333)) + LAST_CHUNK,
    ),
    "binary": _answer("application/octet-stream", f"content-length: {len(_NOISE)}", _NOISE),
    "events until the close": _answer("text/event-stream", "x-framing: none", FIRST * 30 + LAST),
    "events": _answer(
        "text/event-stream", "transfer-encoding: chunked", chunk(FIRST) * 30 + chunk(LAST) + LAST_CHUNK
    ),
}


@dataclass(frozen=True)
class Fault:
    """What befalls which answer, and where: `at` is a byte of it."""

    kind: str
    what: str
    at: int
    noise: bytes

    @property
    def said(self) -> bytes:
        """The bytes that the upstream says."""
        answer = ANSWERS[self.kind]
        if self.what == "garbage":
            return answer[: self.at] + self.noise + answer[self.at + len(self.noise) :]
        return answer[: self.at]


def faults(each: int) -> Iterator[Fault]:
    """So many faults of each kind, half of them within the first 300 bytes; the same ones in each run."""
    chance = random.Random(each)  # noqa: S311 - as above
    for kind, answer in ANSWERS.items():
        yield Fault(kind, "close", len(answer), b"")
        for what in FAULTS:
            for number in range(each):
                at = chance.randrange(300 if number % 2 else len(answer))
                yield Fault(kind, what, at, chance.randbytes(chance.randint(1, 4)))


@dataclass(frozen=True)
class Read:
    """An answer as its framing has it: `status` is 0 where there is no head.

    `truncated` says that it is an event stream without its last event.
    """

    status: int
    content: bytes
    whole: bool
    truncated: bool = False


class _Bytes:
    """As much of a socket as HTTPResponse asks for."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self._raw)


def read(raw: bytes) -> Read:
    """What the bytes of a connection that has ended come to: the standard library reads the head alone."""
    response = HTTPResponse(_Bytes(raw))  # type: ignore[arg-type]  # all that it uses
    try:
        response.begin()
    except (HTTPException, ValueError):
        return Read(0, b"", whole=False)
    body = response.fp.read()
    length = len(body) if response.length is None else response.length
    content, whole = _unchunked(body) if response.chunked else (body[:length], len(body) >= length)
    events = response.status < _REDIRECTS and response.headers.get_content_type() == "text/event-stream"
    return Read(response.status, content, whole, events and not content.endswith(LAST))


def _unchunked(body: bytes) -> tuple[bytes, bool]:
    """The content of a chunked body as far as it goes, and whether it is whole (RFC 9112, 7.1)."""
    content = bytearray()
    while size := _SIZE.match(body):
        if not (left := int(size[1], 16)):
            return bytes(content), _TRAILERS.match(body, size.end()) is not None
        content += body[size.end() : size.end() + left]
        body = body[size.end() + left :]
        if not body.startswith(b"\r\n"):
            break
        body = body[2:]
    return bytes(content), False


def outcome(fault: Fault, received: bytes | None) -> str:
    """How the answer that a client got, None where it did not end, compares with what the upstream said."""
    if received is None:
        return HUNG
    told, got = read(fault.said), read(received)
    if got.whole and got == told and not told.truncated:
        return EXACT
    if got.status in _ERRORS and got.whole and b'"server_error"' in got.content:
        return SIGNALLED
    begun = _ERROR_EVENT.sub(b"", got.content)
    return LOST if got.whole or not told.content.startswith(begun) else SIGNALLED


@dataclass
class Sweep:
    """The faults of a run; a request says in `x-number` which one it is for."""

    faults: list[Fault]

    async def script(self, connection: Connection) -> None:
        """Answer one request with its fault."""
        found = _NUMBER.search(await connection.request())
        assert found is not None
        fault = self.faults[int(found[1])]
        await connection.say(fault.said)
        if fault.what == "reset":
            connection.reset()
        elif fault.what == "stall":
            await connection.rest()

    async def outcome(self, root: str, number: int) -> str:
        """What a client makes of the relay's answer to the request with this number."""
        host, _, port = root.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        fields = ("connection: close", "content-type: application/json", f"x-number: {number}")
        writer.write(request("POST", CHAT, *fields, body=STREAM_BODY))
        received = bytearray()
        try:
            async with asyncio.timeout(_SECONDS):
                while data := await reader.read(65_536):
                    received += data
        except ConnectionError:
            pass  # aborted: what came before is what there is
        except TimeoutError:
            return HUNG
        finally:
            writer.transport.abort()
        return outcome(self.faults[number], bytes(received))
