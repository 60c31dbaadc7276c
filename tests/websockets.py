"""WebSockets for the tests: frames byte for byte, a client that says them, and upstreams that take it up."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader
from websockets.sync.client import ClientConnection, connect
from websockets.utils import accept_key, apply_mask

from tests.faulty import Connection, Faulty, Script
from tests.relay.wire import Line, dialled, request
from tests.servers import RELAY_KEY, until

REALTIME = "/v1/realtime?model=gpt-realtime"
NONCE = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3
OFFER = (
    "upgrade: websocket",
    "connection: Upgrade",
    f"sec-websocket-key: {NONCE}",
    "sec-websocket-version: 13",
)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
DEFLATE = "sec-websocket-extensions: permessage-deflate"
MASK = b"\x5a\xa5\x0f\x91"
TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
CLOSE, PING, PONG = Opcode.CLOSE, Opcode.PING, Opcode.PONG
_END_OF_HEAD = b"\r\n\r\n"
_SECONDS = 30  # a bound, no measurement

Handler = Callable[[ServerConnection], Awaitable[None]]


def frame(
    opcode: int, payload: bytes = b"", *, mask: bytes = b"", fin: bool = True, rsv: int = 0, size: int = -1
) -> bytes:
    """A frame (RFC 6455, 5.2), legal or not: `rsv` are its reserved bits, `size` what it claims to hold."""
    length = len(payload) if size < 0 else size
    masked = 0x80 if mask else 0
    if length < 126:
        told = bytes([masked | length])
    elif length < 1 << 16:
        told = bytes([masked | 126]) + length.to_bytes(2, "big")
    else:
        told = bytes([masked | 127]) + length.to_bytes(8, "big")
    first = bytes([(0x80 if fin else 0) | rsv | opcode])
    return first + told + mask + (apply_mask(payload, mask) if mask else payload)


def close(code: int | None, reason: str = "", *, mask: bytes = b"") -> bytes:
    """A Close frame with a code, legal or not, or with none."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason.encode(), mask=mask)


def frames_in(data: bytes, *, masked: bool = False) -> list[Frame]:
    """The frames that `data` is, read by the `websockets` library; fails on half of one."""
    reader, found = StreamReader(), []
    reader.feed_data(data)
    while reader.buffer:
        parsing = Frame.parse(reader.read_exact, mask=masked)
        try:
            next(parsing)
        except StopIteration as parsed:
            found.append(parsed.value)
        else:
            raise AssertionError(f"half a frame: {data[-100:]!r}")
    return found


def close_in(data: bytes, *, masked: bool = False) -> int:
    """The code of the Close that `data` ends with; 1005 for one without."""
    last = frames_in(data, masked=masked)[-1]
    assert last.opcode is CLOSE
    return int(Close.parse(bytes(last.data)).code)


def size_of(begun: bytes) -> int:
    """How many bytes a frame has that begins so, as far as that can be told."""
    if len(begun) < 2:
        return 2
    told = {126: 2, 127: 8}.get(begun[1] & 0x7F, 0)
    if len(begun) < 2 + told:
        return 2 + told
    length = int.from_bytes(begun[2 : 2 + told], "big") if told else begun[1] & 0x7F
    return 2 + told + (4 if begun[1] & 0x80 else 0) + length


def offer(target: str = REALTIME, *fields: str) -> bytes:
    """The bytes of a handshake with the relay key."""
    return request("GET", target, *OFFER, *fields)


class Client(Line):
    """A client whose handshake was taken up: `head` is the answer, `received` what came behind it."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.head, _, self.received = self.until(_END_OF_HEAD).partition(_END_OF_HEAD)
        assert self.head.startswith(b"HTTP/1.1 101 "), self.head + self.received

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes behind the head, taken away from `received`."""
        while len(self.received) < size:
            data = self.socket.recv(65_536)
            assert data, f"closed after {self.received[-100:]!r}"
            self.received += data
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    def end(self) -> bytes:
        """All that comes up to and with a Close, which it answers, and fails on anything behind that."""
        said, one = b"", b""
        while not one or one[0] & 0x0F != CLOSE:
            one = self._one()
            said += one
        with suppress(ConnectionError):
            self.say(frame(CLOSE, bytes(frames_in(one)[0].data), mask=MASK))
            assert self.rest() == b""
        return said

    def frame(self) -> Frame:
        """The next frame."""
        [found] = frames_in(self._one())
        return found

    def _one(self) -> bytes:
        said = b""
        while len(said) < size_of(said):
            said += self.exactly(size_of(said) - len(said))
        return said

    def code(self) -> int:
        """The code of the Close that the relay ends the connection with."""
        return close_in(self.end())


@contextmanager
def opened(root: str, *fields: str, target: str = REALTIME, receive_buffer: int = 0) -> Iterator[Client]:
    """A WebSocket through the relay at `root`, by bytes; the end of the block closes its connection."""
    with dialled(root, offer(target, *fields), receive_buffer) as line:
        yield Client(line.socket)


def flood(line: Line) -> None:
    """Say large frames to the relay until it ends the connection."""
    while True:
        line.say(frame(BINARY, bytes(60_000), mask=MASK))


def connected(root: str, target: str = REALTIME, **options: Any) -> ClientConnection:
    """A WebSocket through the relay at `root`, by the `websockets` library's client."""
    given = {"additional_headers": {"X-Relay-Key": RELAY_KEY}, "proxy": None, "ping_interval": None}
    return connect(root.replace("http:", "ws:") + target, **{**given, **options})


def accept(head: bytes, *fields: bytes) -> bytes:
    """The answer that takes up the handshake in `head`."""
    [key] = [line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: ")]
    taken = b"sec-websocket-accept: " + accept_key(key.decode()).encode()
    return SWITCHING + b"\r\n".join([taken, *fields]) + _END_OF_HEAD


def taking_up(script: Script, *fields: bytes, first: bytes = b"") -> Script:
    """A script of an upstream that takes up the handshake, says `first` at once, and goes on as `script`."""

    async def taken_up(connection: Connection) -> None:
        await connection.say(accept(await connection.head(), *fields) + first)
        await script(connection)

    return taken_up


def close_and_answer(faulty: Faulty, root: str, said: bytes, answer: bytes) -> bytes:
    """What an upstream that says Close hears then, of a client that hears just that and says `answer`."""
    heard = bytearray()

    async def closes(connection: Connection) -> None:
        await connection.say(said)
        heard.extend(await connection.rest())

    faulty.script = taking_up(closes)
    with opened(root) as client:
        assert client.exactly(len(said)) == said
        client.say(answer)
        assert client.rest() == b""
    until(lambda: faulty.open == 0)
    return bytes(heard)


@dataclass
class Upstream:
    """An upstream's side by bytes: whole frames as they were `heard`, and whether the connection is `over`.

    It answers a Close with the same, and where it `answers`, pings as well.
    """

    answers: bool = False
    heard: bytes = b""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def frames(self) -> list[Frame]:
        """What was heard, read by the `websockets` library."""
        return frames_in(self.heard, masked=True)

    async def hear(self, connection: Connection) -> None:
        """Listen until the relay says Close, or leaves."""
        try:
            while True:
                said = await self._one(connection)
                self.heard += said
                opcode = said[0] & 0x0F
                if opcode == CLOSE or (opcode == PING and self.answers):
                    [one] = frames_in(said, masked=True)
                    await connection.say(frame(CLOSE if opcode == CLOSE else PONG, bytes(one.data)))
                if opcode == CLOSE:
                    await connection.rest()
                    return
        finally:
            self.over.set()

    async def _one(self, connection: Connection) -> bytes:
        said = b""
        while len(said) < size_of(said):
            said += await connection.exactly(size_of(said) - len(said))
        return said


async def echo(connection: ServerConnection) -> None:
    """Say what comes, until the end."""
    with suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


@contextmanager
def conversing(handler: Handler = echo, **options: Any) -> Iterator[str]:
    """Serve WebSockets by the `websockets` library in a thread; gives `http://127.0.0.1:PORT/v1`."""
    loop, over, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    servers: list[Server] = []

    async def run() -> None:
        given = {"ping_interval": None, "max_size": None, **options}
        async with serve(handler, "127.0.0.1", 0, **given) as server:
            servers.append(server)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(_SECONDS)
    try:
        yield f"http://127.0.0.1:{next(iter(servers[0].sockets)).getsockname()[1]}/v1"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(_SECONDS)
        assert not thread.is_alive(), "the server did not stop"
        loop.close()
