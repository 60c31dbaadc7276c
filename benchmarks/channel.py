"""The driver's side of WebSockets: frames are sent as they were prepared, and what comes back is counted."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.driver import Connection, Refused, Waiter, made
from benchmarks.frames import MASK_BYTES, accept, next_frame
from benchmarks.traffic import Caller, upgrade_request

_READ_BYTES = 262_144
_PATIENCE_SECONDS = 60.0
_SHOWN_BYTES = 200


class Channel(Connection):
    """An open WebSocket; `complete` once as much came back as the frames that were sent."""

    def __init__(self, port: int, caller: Caller) -> None:
        super().__init__(port)
        self._left = 0
        with ExitStack() as undo:
            undo.callback(self.socket.close)
            self._upgrade(upgrade_request(caller))
            undo.pop_all()

    def send(self, request: bytes) -> None:
        """Send whole masked frames; what comes back is as long, less the masks."""
        super().send(request)
        self._left = len(request) - MASK_BYTES * _count(request)

    def receive(self) -> None:
        """Count what has arrived; raises Refused when it is more than was due, or the end."""
        data = self._read()
        self._left -= len(data)
        if self._left < 0:
            raise Refused(f"more came back than was sent: {data[-_SHOWN_BYTES:]!r}")
        self.complete = not self._left

    def _upgrade(self, request: bytes) -> None:
        self.socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._read()
        if not answer.startswith(b"HTTP/1.1 101 ") or accept() not in answer:
            raise Refused(f"the upgrade was answered with {answer[:_SHOWN_BYTES]!r}")

    def _read(self) -> bytes:
        data = self.socket.recv(_READ_BYTES)
        if not data:
            raise Refused("the WebSocket was closed before all frames were back")
        return data


@contextmanager
def channels(port: int, caller: Caller, count: int) -> Iterator[list[Channel]]:
    """`count` WebSockets to the server at `port`, closed in the end."""
    with made(lambda: Channel(port, caller), count) as opened:
        yield opened


def echo(opened: list[Channel], request: bytes, seconds: float) -> int:
    """Send `request` on each channel as soon as the last is back, for `seconds`; the frames sent and back."""
    waiter = Waiter(opened)
    each, rounds, end = _count(request), 0, time.perf_counter() + seconds
    for channel in opened:
        channel.send(request)
    under_way = len(opened)
    while under_way:
        for connection in waiter.wait(_PATIENCE_SECONDS):
            connection.receive()
            if connection.complete:
                rounds += 1
                if time.perf_counter() < end:
                    connection.send(request)
                else:
                    under_way -= 1
    return 2 * each * rounds


def _count(frames: bytes) -> int:
    count = start = 0
    while (found := next_frame(frames, start)) is not None:
        count, start = count + 1, found.end
    return count
