"""An upstream that costs next to nothing: canned bytes over asyncio's protocols, HTTP/1.1, keep-alive.

`python -m benchmarks.upstream` prints the port that it listens on. It knows just enough of HTTP for what the
contenders send: one request at a time per connection, with a length or chunked, and no trailers.

Instead of a request the driver may send `MORE`, for one more event on one of the streams that are held open,
and `ENOUGH`, for the end of them all. A request for a WebSocket makes the connection one (`echo`).
"""

import asyncio
import re
import sys
from typing import cast

import uvloop

from benchmarks.echo import EchoProtocol, offers_websocket
from benchmarks.traffic import (
    BURST_EVENTS,
    ENOUGH,
    EVENTS,
    FILE_ANSWER,
    MORE,
    PLAIN_ANSWER,
    REAL_KEY,
    REFUSED,
    STREAM_END,
    STREAM_HEAD,
    source_head,
)

_KEY = REAL_KEY.encode()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_STREAMED = re.compile(rb'"stream": ?true')
_EVENTS = re.compile(rb'"max_(?:completion_)?tokens": ?(\d+)')
# No body that the driver sends holds these bytes, so they stand for the end of a chunked one.
_LAST_CHUNK = b"0\r\n\r\n"
_KEPT_BYTES = 16_384
_SIZE = re.compile(rb"/file-(\d+)/content$")
_BLOCK = bytes(262_144)
_BACKLOG = 2048


class Held:
    """The streams that stay open."""

    def __init__(self) -> None:
        self._streams: list[asyncio.Transport] = []
        self._given = 0

    def add(self, stream: asyncio.Transport) -> None:
        """Keep `stream` open."""
        self._streams.append(stream)

    def forget(self, stream: asyncio.Transport) -> None:
        """Give `stream` no more events, if it had any."""
        if stream in self._streams:
            self._streams.remove(stream)

    def obey(self, told: bytes) -> None:
        """Write an event for each `MORE`, to the stream whose turn it is; end all after an `ENOUGH`."""
        for _ in range(told.count(MORE) if self._streams else 0):
            self._given += 1
            self._streams[self._given % len(self._streams)].write(EVENTS[self._given % len(EVENTS)])
        if ENOUGH in told:
            for stream in self._streams:
                stream.write(STREAM_END)
            self._streams.clear()


class UpstreamProtocol(asyncio.Protocol):
    """One connection: reads a request to its end, then answers it."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        self._writable = asyncio.Event()
        self._writable.set()
        self._sending: asyncio.Task[None] | None = None
        self._forget()

    def _forget(self) -> None:
        self._head = b""
        self._body = b""
        self._left = 0
        self._chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        # uvloop's transports are what asyncio's class promises, without being of it.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop whatever is being sent."""
        self._held.forget(self._transport)
        if self._sending is not None:
            self._sending.cancel()

    def pause_writing(self) -> None:
        """Hold a download back."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let a download go on."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Read on; answer at the request's end."""
        if data[:1] in {MORE, ENOUGH} and not self._head and not self._unread:
            self._held.obey(data)
            return
        if not self._head:
            head, mark, data = (self._unread + data).partition(b"\r\n\r\n")
            if not mark:
                self._unread = head
                return
            self._unread = b""
            self._begin(head)
        self._left -= len(data)
        # Enough for a chat request, and for the end of anything longer.
        self._body = (self._body + data) if len(self._body) < _KEPT_BYTES else self._body[-8:] + data[-8:]
        if self._body.endswith(_LAST_CHUNK) if self._chunked else self._left <= 0:
            head, body = self._head, self._body
            self._forget()
            self._answer(head, body)

    def _begin(self, head: bytes) -> None:
        self._head = head
        length = _LENGTH.search(head)
        self._left = int(length[1]) if length else 0
        self._chunked = length is None and _CHUNKED.search(head) is not None

    def _answer(self, head: bytes, body: bytes) -> None:
        method, target = head.split(b" ", 2)[:2]
        if _KEY not in head:
            self._transport.write(REFUSED)
        elif offers_websocket(head):
            self._transport.set_protocol(EchoProtocol(self._transport, head))
        elif method == b"POST" and target.endswith(b"/completions"):
            self._complete(body)
        elif size := _SIZE.search(target):
            self._sending = self._loop.create_task(self._download(int(size[1])))
        else:
            self._transport.write(FILE_ANSWER)

    def _complete(self, body: bytes) -> None:
        if not _STREAMED.search(body):
            self._transport.write(PLAIN_ANSWER)
            return
        self._transport.write(STREAM_HEAD)
        if b'"held"' in body:
            self._transport.write(EVENTS[0])
            self._held.add(self._transport)
            return
        asked = _EVENTS.search(body)
        self._burst(int(asked[1]) if asked else BURST_EVENTS)

    def _burst(self, left: int) -> None:
        """Write one event in each turn of the loop, which is what makes each a packet of its own."""
        if self._transport.is_closing():
            return
        if left:
            self._transport.write(EVENTS[left % len(EVENTS)])
            self._loop.call_soon(self._burst, left - 1)
        else:
            self._transport.write(STREAM_END)

    async def _download(self, size: int) -> None:
        self._transport.write(source_head(size))
        for _ in range(size // len(_BLOCK)):
            self._transport.write(_BLOCK)
            await self._writable.wait()


async def _serve() -> None:
    held = Held()
    server = await asyncio.get_running_loop().create_server(
        lambda: UpstreamProtocol(held), "127.0.0.1", 0, backlog=_BACKLOG
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
