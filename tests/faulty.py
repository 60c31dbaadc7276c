"""An upstream that says bytes rather than HTTP, for what no proper server does."""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

_END_OF_HEAD = b"\r\n\r\n"
_START_SECONDS = 10
_BACKLOG = 1024


class Connection:
    """One connection from the relay, as a script has it; it is closed when the script returns."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heads: list[bytes]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._heads = heads

    async def head(self) -> bytes:
        """The next request's line and fields; its content stays unread."""
        head = await self._reader.readuntil(_END_OF_HEAD)
        self._heads.append(head)
        return head

    async def request(self) -> bytes:
        """The next request, whole: its content as it was framed follows the head."""
        head = await self.head()
        if re.search(rb"\r\ntransfer-encoding: *chunked\r\n", head, re.IGNORECASE):
            return head + await self.until(b"0\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)\r\n", head, re.IGNORECASE)
        return head + await self._reader.readexactly(int(length[1]) if length else 0)

    async def until(self, marker: bytes) -> bytes:
        """What comes up to and with `marker`."""
        return await self._reader.readuntil(marker)

    async def exactly(self, size: int) -> bytes:
        """The next `size` bytes."""
        return await self._reader.readexactly(size)

    async def rest(self) -> bytes:
        """What comes until the relay closes the connection, properly or not."""
        received = bytearray()
        with contextlib.suppress(ConnectionError):
            async for chunk in self.chunks():
                received += chunk
        return bytes(received)

    async def chunks(self) -> AsyncIterator[bytes]:
        """What comes, as it comes, until the relay closes the connection."""
        while chunk := await self._reader.read(65_536):
            yield chunk

    async def say(self, data: bytes) -> None:
        """Send `data`, and wait while the relay takes no more."""
        self._writer.write(data)
        await self._writer.drain()

    @property
    def unsent(self) -> int:
        """How many of the bytes said have not been handed to the system yet."""
        return self._writer.transport.get_write_buffer_size()

    def reset(self) -> None:
        """End the connection with a TCP reset instead of a close."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """End the connection, if it has not ended yet, and return when it has."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


Script = Callable[[Connection], Awaitable[None]]


async def _hang_up(connection: Connection) -> None:
    """Read a request and close the connection."""
    await connection.request()


@dataclass
class Faulty:
    """What the upstream does with each connection, and what came of it so far.

    A script that gives a whole answer says `connection: close` in it, or else the relay may keep the
    connection and send a later test's request to this one's script. `heads` are those of the requests that
    scripts have read; `failures` are errors of the scripts' own; `open` connections have not ended yet. With
    `tls` it speaks that, and counts a connection once hands are shaken.
    """

    script: Script = _hang_up
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    failures: list[Exception] = field(default_factory=list)
    base_url: str = ""
    tls: ssl.SSLContext | None = None
    _transports: set[asyncio.WriteTransport] = field(default_factory=set)

    def reset(self, script: Script = _hang_up) -> None:
        """Begin anew with another script."""
        self.script, self.heads, self.connections, self.failures = script, [], 0, []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run the script over one connection."""
        self.connections += 1
        self.open += 1
        self._transports.add(writer.transport)
        failures = self.failures
        try:
            await self.script(Connection(reader, writer, self.heads))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the relay left, or the test is over
        except Exception as error:  # noqa: BLE001 - the test's thread is the one to know
            failures.append(error)
        finally:
            self.open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self._transports.discard(writer.transport)

    def cut(self) -> None:
        """Break every connection off: TLS has an end of its own, which a relay that stays never answers."""
        for transport in self._transports:
            transport.abort()


def _listening(faulty: Faulty) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    faulty.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    return listener


@asynccontextmanager
async def _accepting(faulty: Faulty, listener: socket.socket) -> AsyncIterator[None]:
    server = await asyncio.start_server(faulty.serve, sock=listener, ssl=faulty.tls)
    others = asyncio.all_tasks()
    try:
        yield
    finally:
        server.close()
        faulty.cut()
        scripts = asyncio.all_tasks() - others
        for script in scripts:
            script.cancel()
        await asyncio.gather(*scripts, return_exceptions=True)
        # What was broken off is closed in the loop's next round, which may be its last.
        await asyncio.sleep(0)


@asynccontextmanager
async def misbehaving_here(faulty: Faulty) -> AsyncIterator[None]:
    """Serve `faulty` in the running event loop, which gives test and upstream one clock."""
    async with _accepting(faulty, _listening(faulty)):
        yield


@contextmanager
def misbehaving(faulty: Faulty) -> Iterator[None]:
    """Serve `faulty` in a thread; its `base_url` is `http://127.0.0.1:PORT/v1` from here on."""
    listener = _listening(faulty)
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def run() -> None:
        async with _accepting(faulty, listener):
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(_START_SECONDS)
        loop.close()
