"""The load driver: connections over plain sockets in one thread, timed by the monotonic clock.

asyncio's timers count in milliseconds here (uvloop, epoll); waiting for epoll's own descriptor in `select`
counts in microseconds, which is what pacing needs.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import httptools

from benchmarks.traffic import ENOUGH, MORE

CONNECTIONS = 32
STREAMS = 8
_OK = 200
_READ_BYTES = 262_144
_PATIENCE_SECONDS = 60.0
_SECOND = 1_000_000_000
# The driver shares its core with the upstream. One that woke for each event would keep the upstream from
# writing the next, and the contender would be measured on lumps of events of changing size.
_REST_SECONDS = 0.003


class Refused(Exception):
    """A contender did not do what was asked of it; the message says what came instead."""


class Connection:
    """One keep-alive connection, one request at a time. `newlines` and `size` count all bodies so far."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = httptools.HttpResponseParser(self)
        self.complete = True
        self.newlines = 0
        self.size = 0
        self._last = b""

    def send(self, request: bytes) -> None:
        """Send a request whose answer `receive` reads."""
        self.complete = False
        self.socket.sendall(request)

    def receive(self) -> None:
        """Read what has arrived, waiting if nothing has; raises Refused for what is no whole 200."""
        data = self.socket.recv(_READ_BYTES)
        if not data:
            raise Refused("the connection was closed before the answer was whole")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise Refused(f"the answer was no HTTP: {error}") from None
        if self.complete and self._parser.get_status_code() != _OK:
            raise Refused(f"the answer was {self._parser.get_status_code()}: {self._last[:200]!r}")

    def exchange(self, request: bytes) -> None:
        """Send a request and read its answer."""
        self.send(request)
        while not self.complete:
            self.receive()

    def on_body(self, body: bytes) -> None:
        """Count what arrived; called by httptools."""
        self.newlines += body.count(b"\n")
        self.size += len(body)
        self._last = body

    def on_message_complete(self) -> None:
        """End the answer; called by httptools."""
        self.complete = True


_Kind = TypeVar("_Kind", bound=Connection)


@contextmanager
def made(make: Callable[[], _Kind], count: int) -> Iterator[list[_Kind]]:
    """`count` connections of one kind, closed in the end."""
    opened: list[_Kind] = []
    try:
        for _ in range(count):
            opened.append(make())  # noqa: PERF401 - those opened before a failure are closed too
        yield opened
    finally:
        for connection in opened:
            connection.socket.close()


@contextmanager
def connected(port: int, count: int = 1) -> Iterator[list[Connection]]:
    """`count` connections, closed in the end."""
    with made(lambda: Connection(port), count) as connections:
        yield connections


class Waiter:
    """Waits until some of `connections` have bytes."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._epoll = select.epoll()
        self._by_number = {connection.socket.fileno(): connection for connection in connections}
        self._heard = time.monotonic()
        for number in self._by_number:
            self._epoll.register(number, select.EPOLLIN)

    def forget(self, connection: Connection) -> None:
        """Wait for `connection` no more: whoever served it may close it."""
        self._epoll.unregister(connection.socket)

    def wait(self, seconds: float) -> list[Connection]:
        """Those that have bytes, after `seconds` at most; raises Refused when all are silent for a minute."""
        select.select([self._epoll], [], [], seconds)
        ready = [self._by_number[number] for number, _ in self._epoll.poll(0)]
        if ready:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > _PATIENCE_SECONDS:
            raise Refused(f"no byte came for {_PATIENCE_SECONDS:.0f} s")
        return ready


class Pacer:
    """Sends requests at a given rate over connections that have all had an answer before."""

    def __init__(self, connections: Sequence[Connection], request: bytes) -> None:
        for connection in connections:
            connection.exchange(request)
        self._request = request
        self._waiter = Waiter(connections)
        # In turn: one that rests for long is closed by the server.
        self._idle = deque(connections)
        self._due: dict[Connection, float] = {}

    def run(self, rate: float, seconds: float) -> list[float]:
        """Send `rate` requests a second; each one's milliseconds from when it was due to its answer's end."""
        taken: list[float] = []
        interval = _SECOND / rate
        following = time.perf_counter_ns() + interval
        left = total = max(2, int(rate * seconds))
        while len(taken) < total:
            while left and self._idle and following <= time.perf_counter_ns():
                self._send(following)
                following += interval
                left -= 1
            pause = (following - time.perf_counter_ns()) / _SECOND if left and self._idle else 1.0
            taken += self._answers(max(pause, 0.0))
        return taken

    def _send(self, due: float) -> None:
        connection = self._idle.popleft()
        connection.send(self._request)
        self._due[connection] = due

    def _answers(self, seconds: float) -> list[float]:
        taken = []
        for connection in self._waiter.wait(seconds):
            connection.receive()
            if connection.complete:
                taken.append((time.perf_counter_ns() - self._due.pop(connection)) / 1e6)
                self._idle.append(connection)
        return taken


@contextmanager
def pacing(port: int, request: bytes) -> Iterator[Pacer]:
    """A Pacer for the server at `port`."""
    with connected(port, CONNECTIONS) as connections:
        yield Pacer(connections, request)


def burst(port: int, request: bytes, each: int, seconds: float) -> int:
    """Read one stream after the other on each of a few connections for `seconds`; the number of events.

    Raises Refused when they are fewer than `each` a stream.
    """
    with connected(port, STREAMS) as connections:
        waiter = Waiter(connections)
        end = time.perf_counter() + seconds
        streams = len(connections)
        for connection in connections:
            connection.send(request)
        while not all(connection.complete for connection in connections):
            time.sleep(_REST_SECONDS)
            for connection in waiter.wait(_PATIENCE_SECONDS):
                connection.receive()
                if connection.complete and time.perf_counter() < end:
                    connection.send(request)
                    streams += 1
                elif connection.complete:
                    waiter.forget(connection)
        events = sum(connection.newlines for connection in connections) // 2
    if events < streams * each:
        raise Refused(f"{events} events came, of {each} in each of {streams} streams")
    return events


class HeldStreams:
    """Streams that stay open, one on each connection."""

    def __init__(self, connections: list[Connection], request: bytes, upstream: Connection) -> None:
        self._connections = connections
        self._upstream = upstream
        self._waiter = Waiter(connections)
        for connection in connections:
            connection.send(request)
        while not all(connection.size for connection in connections):
            self._events()

    def take_turns(self, window: int, seconds: float) -> int:
        """Keep `window` events on their way, each on another stream, for `seconds`; how many came."""
        end = time.perf_counter() + seconds
        events = 0
        self._upstream.socket.sendall(MORE * window)
        while time.perf_counter() < end:
            came = self._events()
            self._upstream.socket.sendall(MORE * came)
            events += came
        return events

    def end(self) -> None:
        """Let every stream end: a contender need not notice that a client has left."""
        self._upstream.socket.sendall(ENOUGH)
        for connection in self._connections:
            while not connection.complete:
                connection.receive()

    def _events(self) -> int:
        came = 0
        for connection in self._waiter.wait(_PATIENCE_SECONDS):
            before = connection.newlines
            connection.receive()
            if connection.complete:
                raise Refused("a stream ended that was to stay open")
            came += (connection.newlines - before) // 2
        return came


@contextmanager
def held(port: int, upstream_port: int, request: bytes, count: int) -> Iterator[HeldStreams]:
    """`count` streams, all open and past their first event, and ended afterwards."""
    with connected(port, count) as connections, connected(upstream_port) as (upstream,):
        streams = HeldStreams(connections, request, upstream)
        yield streams
        streams.end()


def first_events(port: int, request: bytes, count: int) -> list[float]:
    """The milliseconds until the first event of each of `count` streams, one at a time."""
    taken = []
    with connected(port) as (connection,):
        for _ in range(count):
            before, start = connection.size, time.perf_counter_ns()
            connection.send(request)
            while connection.size == before:
                connection.receive()
            taken.append((time.perf_counter_ns() - start) / 1e6)
            while not connection.complete:
                connection.receive()
    return taken


def upload(port: int, before: bytes, size: int, after: bytes) -> None:
    """Send one request with a body of `size` zeros between `before` and `after`."""
    block = memoryview(bytes(_READ_BYTES))
    with connected(port) as (connection,):
        connection.send(before)
        for _ in range(size // len(block)):
            connection.socket.sendall(block)
        connection.socket.sendall(after)
        while not connection.complete:
            connection.receive()


def download(port: int, request: bytes) -> int:
    """Read one answer to its end; its size in bytes."""
    with connected(port) as (connection,):
        connection.exchange(request)
        return connection.size
