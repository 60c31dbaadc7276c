"""Bodies that nobody holds whole: made, summed and thrown away block by block."""

import random
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from tests.relay.wire import request

MIB = 1024 * 1024
BLOCK = random.Random(1).randbytes(MIB)  # noqa: S311 - any bytes will do
SECONDS = 60  # a bound, no measurement
_FORM_HEAD = (
    b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
)
_FORM_TAIL = b"\r\n--b--\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass
class Sum:
    """How many bytes there were, and what they come to."""

    size: int = 0
    crc: int = 0

    def add(self, data: bytes) -> None:
        """Count `data` in."""
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)

    @classmethod
    def of_upload(cls, blocks: int) -> "Sum":
        """What the form that `upload` sends comes to."""
        return cls.of(_FORM_HEAD, *[BLOCK] * blocks, _FORM_TAIL)

    @classmethod
    def of(cls, *pieces: bytes) -> "Sum":
        """What `pieces` come to."""
        whole = cls()
        for piece in pieces:
            whole.add(piece)
        return whole


@dataclass(frozen=True)
class Memory:
    """The memory of a process, as Linux counts it, in KiB."""

    process: int

    def begin(self) -> int:
        """Forget the peak so far; gives the memory in use."""
        Path(f"/proc/{self.process}/clear_refs").write_text("5")
        return self.now()

    def now(self) -> int:
        """The memory in use."""
        return self._read("VmRSS")

    def peak(self) -> int:
        """The most that was in use at once since `begin`."""
        return self._read("VmHWM")

    def _read(self, field: str) -> int:
        status = Path(f"/proc/{self.process}/status").read_text()
        return int(status.partition(f"{field}:")[2].split()[0])


def framed(data: bytes, *, chunked: bool) -> list[bytes]:
    """`data` as it is said within a body, without a copy of it."""
    return [b"%x\r\n" % len(data), data, b"\r\n"] if chunked else [data]


def say(connection: socket.socket, blocks: int, *, chunked: bool) -> None:
    """Send so many blocks, and the end of the body where they are chunked."""
    for _ in range(blocks):
        for part in framed(BLOCK, chunked=chunked):
            connection.sendall(part)
    if chunked:
        connection.sendall(b"0\r\n\r\n")


def head_of(stream: BufferedReader) -> bytes:
    """The head of a message, up to and with the empty line."""
    return b"".join(iter(stream.readline, b"\r\n")) + b"\r\n"


def body_of(stream: BufferedReader, head: bytes) -> Iterator[bytes]:
    """The pieces of a body as they come, whichever way `head` frames it."""
    if length := _LENGTH.search(b"\r\n" + head):
        yield from _pieces(stream, int(length[1]))
        return
    while size := int(stream.readline(), 16):
        yield from _pieces(stream, size)
        stream.readline()
    stream.readline()


def _pieces(stream: BufferedReader, left: int) -> Iterator[bytes]:
    while left:
        piece = stream.read1(min(left, MIB))
        assert piece, f"the connection ended {left} bytes too early"
        left -= len(piece)
        yield piece


@dataclass
class Bulk:
    """An upstream that sums up what it is sent, and answers a GET with `blocks` blocks.

    `begun` is set by the first bytes of a body; the second block is only sent once `go_on` is.
    """

    blocks: int
    chunked: bool = False
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    received: Sum = field(default_factory=Sum)
    base_url: str = ""

    def reset(self, *, chunked: bool) -> None:
        """Begin anew, answering with a length or in chunks."""
        self.chunked, self.received = chunked, Sum()
        self.begun.clear()
        self.go_on.clear()

    def serve(self, listener: socket.socket) -> None:
        """Take one connection after the other until `listener` is closed, each for one request."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                connection.settimeout(SECONDS)
                head = head_of(stream)
                (self._give if head.startswith(b"GET") else self._take)(connection, stream, head)

    def _take(self, connection: socket.socket, stream: BufferedReader, head: bytes) -> None:
        for piece in body_of(stream, head):
            self.received.add(piece)
            self.begun.set()
        connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")

    def _give(self, connection: socket.socket, _stream: BufferedReader, _head: bytes) -> None:
        framing = "transfer-encoding: chunked" if self.chunked else f"content-length: {self.blocks * MIB}"
        connection.sendall(f"HTTP/1.1 200 OK\r\nconnection: close\r\n{framing}\r\n\r\n".encode())
        for part in framed(BLOCK, chunked=self.chunked):
            connection.sendall(part)
        assert self.go_on.wait(SECONDS), "nobody read the first block"
        say(connection, self.blocks - 1, chunked=self.chunked)


@contextmanager
def serving_bulk(bulk: Bulk) -> Iterator[None]:
    """Serve `bulk` in a thread; its `base_url` is `http://127.0.0.1:PORT/v1` from here on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bulk.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread = threading.Thread(target=bulk.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(SECONDS)


def connected(root: str) -> socket.socket:
    """A connection to the server at `root`."""
    host, _, port = root.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=SECONDS)


def upload(
    root: str, blocks: int, begun: Callable[[float], bool], *, chunked: bool, path: str = "/v1/files"
) -> bytes:
    """The answer to a form with a file of so many blocks, sent on once `begun` says that it arrives."""
    size = len(_FORM_HEAD) + blocks * MIB + len(_FORM_TAIL)
    framing = "transfer-encoding: chunked" if chunked else f"content-length: {size}"
    head = request("POST", path, "content-type: multipart/form-data; boundary=b", framing)
    with connected(root) as connection, connection.makefile("rb") as stream:
        connection.sendall(head + b"".join(framed(_FORM_HEAD, chunked=chunked)))
        assert begun(SECONDS), "the beginning did not arrive"
        for piece in (*[BLOCK] * blocks, _FORM_TAIL):
            for part in framed(piece, chunked=chunked):
                connection.sendall(part)
        connection.sendall(b"0\r\n\r\n" if chunked else b"")
        answer = head_of(stream)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        return b"".join(body_of(stream, answer))


def download(root: str, path: str, seen: Callable[[int], None]) -> Sum:
    """What the content at a path comes to; `seen` is told the size so far."""
    received = Sum()
    with connected(root) as connection, connection.makefile("rb") as stream:
        connection.sendall(request("GET", path))
        for piece in body_of(stream, head_of(stream)):
            received.add(piece)
            seen(received.size)
    return received
