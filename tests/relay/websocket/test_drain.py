"""A relay that is told to stop says 1012: to quiet WebSockets at once, to others when its time is over."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.sync import connection as sync

from tests.faulty import Connection, Faulty
from tests.relay.wire import Line, dialled
from tests.servers import eventually, relay_over, until
from tests.websockets import (
    BINARY,
    Upstream,
    connected,
    conversing,
    frame,
    frames_in,
    offer,
    opened,
    taking_up,
)

RESTART = (1012).to_bytes(2, "big") + b"the relay is restarting: connect again"


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """What goes on while the test waits for the relay's end."""
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture
def cut() -> Iterator[Callable[[], int]]:
    """How many requests were cut when the relay ended."""
    with capture_logs() as logs:
        yield lambda: next(log["cut"] for log in logs if log["event"] == "drained")


def test_quiet_websockets_end_at_once_and_one_within_a_frame_behind_it(
    upstream: Upstream,
    faulty: Faulty,
    beside: ThreadPoolExecutor,
    cut: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pause within a frame is none to end in: there is no place for a Close."""
    monkeypatch.setattr("relay.websocket.tunnel._QUIET_SECONDS", 0)
    go_on, slow = threading.Event(), frame(BINARY, bytes(1_000))

    async def says_slowly(connection: Connection) -> None:
        await connection.say(slow[:500])
        await eventually(go_on.is_set, 30)
        await connection.say(slow[500:])
        await upstream.hear(connection)

    def tell(ends: list[Future[bytes]]) -> list[bytes]:
        said = [end.result(10) for end in ends]
        go_on.set()
        return said

    with ExitStack() as stack:
        with relay_over(faulty.base_url, relay_drain_seconds=600) as root:
            clients = [stack.enter_context(opened(root)) for _ in range(3)]
            faulty.script = taking_up(says_slowly)
            late = stack.enter_context(opened(root))
            ends = beside.submit(tell, [beside.submit(client.end) for client in clients])
            end = beside.submit(late.end)
        assert [frames_in(said)[0].data for said in ends.result(10)] == [RESTART] * 3
        said = end.result(10)
    assert said.startswith(slow)
    assert frames_in(said)[1].data == RESTART
    assert cut() == 0
    assert [one.data for one in upstream.frames] == [RESTART] * 4


def test_busy_websockets_end_at_the_deadline(beside: ThreadPoolExecutor, cut: Callable[[], int]) -> None:
    def busy(client: sync.Connection) -> int:
        count = 0
        try:
            while True:
                client.send(str(count))
                assert client.recv(timeout=10) == str(count)
                count += 1
        except ConnectionClosed:
            return count

    with conversing() as base_url, ExitStack() as stack:
        with relay_over(base_url, relay_drain_seconds=1) as root:
            client = stack.enter_context(connected(root))
            count = beside.submit(busy, client)
        assert count.result(10) > 10
        assert client.close_code == CloseCode.SERVICE_RESTART
        assert client.close_reason == "the relay is restarting: connect again"
    assert cut() == 1


def test_what_cannot_end_well_holds_nothing_up(
    faulty: Faulty, beside: ThreadPoolExecutor, cut: Callable[[], int]
) -> None:
    """Two sides that say no Close, a frame that is not whole, and a handshake that waits for its answer."""
    heard, half = bytearray(), frame(BINARY, size=100_000) + bytes(1_000)
    upstream = Upstream()

    async def ignores(connection: Connection) -> None:
        heard.extend(await connection.rest())

    async def says_half(connection: Connection) -> None:
        await connection.say(half)
        await upstream.hear(connection)

    async def waits(connection: Connection) -> None:
        await connection.head()
        await connection.rest()

    with ExitStack() as stack:
        with relay_over(faulty.base_url, relay_drain_seconds=0) as root:
            lines: list[Line] = []
            for script in (taking_up(ignores), taking_up(says_half)):
                faulty.script = script
                lines.append(stack.enter_context(opened(root)))
            faulty.script = waits
            lines.append(stack.enter_context(dialled(root, offer())))
            until(lambda: len(faulty.heads) == len(lines))
            ends = [beside.submit(line.rest) for line in lines]
        ignored, broken_off, refused = [end.result(10) for end in ends]
    assert frames_in(ignored)[0].data == RESTART
    assert half.startswith(broken_off)
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b'"code": "relay_draining"' in refused
    until(lambda: faulty.open == 0)
    assert frames_in(bytes(heard), masked=True)[0].data == RESTART
    assert upstream.frames[0].data == RESTART
    assert cut() == len(lines)
