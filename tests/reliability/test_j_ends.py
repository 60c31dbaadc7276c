"""j. How a WebSocket ends: each side is told the truth, by a code that may stand on the wire."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from websockets.frames import CloseCode

from tests.faulty import Connection, Faulty, misbehaving
from tests.reliability.plugin import Figure
from tests.servers import relay_over
from tests.websockets import (
    CLOSE,
    MASK,
    PING,
    PONG,
    TEXT,
    Upstream,
    close,
    close_and_answer,
    close_in,
    connected,
    conversing,
    frame,
    frames_in,
    opened,
    taking_up,
)

CODES = [1000, 1001, 1003, 1008, 1011, 1012, 1013, 3000, 4000, 4999, None]
NOT_ON_THE_WIRE = [1005, 1006, 1015]
RESTART = (1012).to_bytes(2, "big") + b"the relay is restarting: connect again"
WEBSOCKETS = 20
FOUND_SECONDS = 40


@pytest.mark.row("j45")
@pytest.mark.parametrize("code", CODES)
def test_j45_a_close_code_passes_both_ways(faulty: Faulty, faulty_relay: str, code: int | None) -> None:
    up, down = close(code, "up" if code else "", mask=MASK), close(code, "down" if code else "")
    assert close_and_answer(faulty, faulty_relay, down, up) == up


@pytest.mark.row("j45")
@pytest.mark.parametrize("code", NOT_ON_THE_WIRE)
def test_j45_a_code_that_stands_for_none_is_refused_and_not_passed_on(
    faulty: Faulty, faulty_relay: str, code: int
) -> None:
    upstream = Upstream()
    faulty.script = taking_up(upstream.hear)
    with opened(faulty_relay) as client:
        client.say(close(code, mask=MASK))
        assert client.code() == CloseCode.PROTOCOL_ERROR
    assert upstream.over.wait(10)
    assert close_in(upstream.heard, masked=True) == CloseCode.GOING_AWAY


@pytest.mark.row("j45")
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_j45_a_connection_that_ends_without_a_close_is_told_as_what_it_is(
    faulty: Faulty, faulty_relay: str, *, reset: bool
) -> None:
    """The client 1011 where the upstream is lost, the upstream 1001 where the client is."""
    upstream = Upstream()

    async def leaves(connection: Connection) -> None:
        await connection.exactly(1)
        if reset:
            connection.reset()

    faulty.script = taking_up(leaves)
    with opened(faulty_relay) as client:
        client.say(frame(TEXT, b"x", mask=MASK))
        assert client.code() == CloseCode.INTERNAL_ERROR
    faulty.script = taking_up(upstream.hear)
    with opened(faulty_relay):
        pass
    assert upstream.over.wait(10)
    assert close_in(upstream.heard, masked=True) == CloseCode.GOING_AWAY


@pytest.mark.row("j45")
def test_j45_a_drain_says_1012_to_every_websocket(faulty: Faulty, figure: Figure) -> None:
    """Long before its time is over, for nothing is being said on them."""
    upstream = Upstream()
    faulty.script = taking_up(upstream.hear)
    with ThreadPoolExecutor(WEBSOCKETS) as beside, ExitStack() as stack:
        with relay_over(faulty.base_url, relay_drain_seconds=600) as root:
            clients = [stack.enter_context(opened(root)) for _ in range(WEBSOCKETS)]
            ends = [beside.submit(client.end) for client in clients]
        told = [frames_in(end.result(10))[0].data for end in ends]
    assert told == [one.data for one in upstream.frames] == [RESTART] * WEBSOCKETS
    figure("WebSockets told 1012 by a drain", f"{len(told)} of {WEBSOCKETS}")


@pytest.mark.row("j45")
@pytest.mark.slow
def test_j45_who_answers_pings_stays() -> None:
    """The libraries of both ends do, with nobody looking."""
    with conversing() as base_url, relay_over(base_url) as root, connected(root) as client:
        time.sleep(FOUND_SECONDS + 10)  # with less it would stay all the more
        client.send("still here")
        assert client.recv(timeout=10) == "still here"


@pytest.mark.row("j45")
@pytest.mark.parametrize("given", [{"relay_ping_seconds": 1}, pytest.param({}, marks=pytest.mark.slow)])
def test_j45_a_dead_peer_is_found(figure: Figure, given: dict[str, int]) -> None:
    """Whose machine is gone says nothing more, and never that it is gone; here it is who never answers."""
    there, found = Upstream(answers=True), dict[str, float]()

    async def silent(connection: Connection) -> None:
        await connection.rest()

    faulty = Faulty(taking_up(there.hear))
    with misbehaving(faulty), relay_over(faulty.base_url, **given) as root, opened(root) as left:
        faulty.script = taking_up(silent)
        with opened(root) as client:
            start = time.monotonic()
            client.socket.settimeout(FOUND_SECONDS * 2)
            left.socket.settimeout(FOUND_SECONDS * 2)
            while (one := client.frame()).opcode is PING:
                client.say(frame(PONG, bytes(one.data), mask=MASK))
            found["upstream"] = time.monotonic() - start
            assert (one.opcode, one.data[:2]) == (CLOSE, (1011).to_bytes(2, "big"))
        assert [one.opcode for one in frames_in(left.rest())] == [PING]
        found["client"] = time.monotonic() - start
        assert there.over.wait(10)
    assert there.frames[-1].data[:2] == (1001).to_bytes(2, "big")
    if not given:
        for dead, seconds in found.items():
            figure(f"seconds until a dead {dead} is given up, by default", f"{seconds:.1f} s")
