"""Clients that leave, and an upstream in the same event loop that sees them gone: one clock for both."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.faulty import Connection
from tests.relay.test_streams import FIRST
from tests.relay.wire import CHAT, CHAT_BODY, STREAM_BODY, chunk, request

JSON = "content-type: application/json"
STREAM, SILENT, CALL, FLOOD, ANSWERED = (
    "mid-stream",
    "before the first token",
    "in a call",
    "flood",
    "answered",
)
_EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 8\r\n\r\n%08d"
_ASKED = re.compile(rb"\r\nx-case: ([a-z -]+)\r\nx-number: (\d+)\r\n")


@asynccontextmanager
async def client(
    root: str, case: str, number: int
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that has sent a request of this kind; the end of the block resets it."""
    host, _, port = root.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = CHAT_BODY if case in {CALL, ANSWERED} else STREAM_BODY
    writer.write(request("POST", CHAT, JSON, f"x-case: {case}", f"x-number: {number}", body=body))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answer_of(root: str, number: int) -> bytes:
    """The content of the answer to an ordinary request, which is its number."""
    async with client(root, ANSWERED, number) as (reader, _):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        return await reader.readexactly(8)


@dataclass
class Watch:
    """The upstream's side: which requests it has seen, and when it saw their connections end, in seconds."""

    seen: dict[int, asyncio.Event] = field(default_factory=dict)
    ended: dict[int, "asyncio.Future[float]"] = field(default_factory=dict)

    def expect(self, number: int) -> None:
        """Take note of the request with this number once it comes."""
        self.seen[number] = asyncio.Event()
        self.ended[number] = asyncio.get_running_loop().create_future()

    async def script(self, connection: Connection) -> None:
        """Serve one connection, for one request."""
        asked = _ASKED.search(await connection.request())
        assert asked is not None
        case, number = asked[1].decode(), int(asked[2])
        if case == ANSWERED:
            await connection.say(_ANSWER % number)
            return
        if number in self.seen:
            self.seen[number].set()
        try:
            if case in {STREAM, FLOOD}:
                await connection.say(_EVENTS + chunk(FIRST))
            while case == FLOOD:
                await connection.say(chunk(FIRST) * 100)
            await connection.rest()
        finally:
            if number in self.ended:
                self.ended[number].set_result(asyncio.get_running_loop().time())
