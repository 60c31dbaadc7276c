"""A side that says nothing is asked whether it is there, and given up when it does not answer."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from websockets.frames import Opcode

from tests.faulty import Connection, Faulty, misbehaving
from tests.servers import relay_over, until
from tests.websockets import (
    BINARY,
    MASK,
    PING,
    PONG,
    Client,
    Upstream,
    flood,
    frame,
    opened,
    taking_up,
)

PINGS = 2
FLOOD = frame(BINARY, bytes(60_000))


@pytest.fixture(scope="module")
def _pinging() -> Iterator[tuple[Faulty, str]]:
    """A relay that pings after a second, and gives up after three who reads nothing."""
    upstream = Faulty()
    settings = {"relay_ping_seconds": 1, "relay_timeout": 3}
    with misbehaving(upstream), relay_over(upstream.base_url, **settings) as root:
        yield upstream, root


@pytest.fixture
def pinging(_pinging: tuple[Faulty, str]) -> Iterator[tuple[Faulty, str]]:
    faulty, root = _pinging
    faulty.reset()
    yield faulty, root
    assert not faulty.failures


def next_ping(client: Client) -> bytes:
    """What the relay asks the client next."""
    one = client.frame()
    assert one.opcode is PING
    return bytes(one.data)


def of_kind(upstream: Upstream, opcode: Opcode) -> list[bytes]:
    return [bytes(one.data) for one in upstream.frames if one.opcode is opcode]


def test_who_answers_stays_and_hears_no_pong_that_the_relay_asked_for(pinging: tuple[Faulty, str]) -> None:
    """Of several with the same payload, the relay keeps the first: the others are between the two ends."""
    faulty, root = pinging
    upstream = Upstream(answers=True)
    faulty.script = taking_up(upstream.hear)
    with opened(root) as client:
        asked: list[bytes] = []
        while len(asked) < PINGS:
            asked.append(next_ping(client))
            client.say(frame(PONG, asked[-1], mask=MASK))
        others = [asked[-1], asked[0], b"", asked[-1][1:]]
        for other in others:
            client.say(frame(PONG, other, mask=MASK))
        until(lambda: len(of_kind(upstream, PONG)) >= len(others))
        until(lambda: len(of_kind(upstream, PING)) >= PINGS)
    assert of_kind(upstream, PONG) == others
    assert len(set(asked)) == PINGS


def drops(said: bytes) -> list[bytes]:
    """`said` in pieces: one each sixth of a second is longer than the relay waits for a sign of life."""
    return [said[start : start + 70] for start in range(0, len(said), 70)]


def test_a_frame_that_takes_long_is_no_silence_of_who_gets_it(pinging: tuple[Faulty, str]) -> None:
    """There is no place for a ping in it, and nothing to be expected from the other side."""
    faulty, root = pinging
    upstream = Upstream()
    up, down = frame(BINARY, bytes(1_000), mask=MASK), frame(BINARY, bytes(1_000))

    async def says(connection: Connection) -> None:
        for drop in drops(down):
            await connection.say(drop)
            await asyncio.sleep(0.16)
        await upstream.hear(connection)

    faulty.script = taking_up(says)
    with opened(root) as downwards:
        faulty.script = taking_up(upstream.hear)
        with opened(root) as upwards:
            for drop in drops(up):
                upwards.say(drop)
                time.sleep(0.16)
            until(lambda: up in upstream.heard)
        assert downwards.exactly(len(down)) == down


def test_two_sides_that_never_read_do_not_live_for_ever(
    pinging: tuple[Faulty, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.websocket.tunnel._LAST_SECONDS", 0)
    faulty, root = pinging

    async def floods(connection: Connection) -> None:
        while True:
            await connection.say(FLOOD)

    faulty.script = taking_up(floods)
    with opened(root) as client:
        client.socket.settimeout(10)
        with pytest.raises(ConnectionError):
            flood(client)
    until(lambda: faulty.open == 0)


def test_two_sides_that_stop_amid_a_frame_do_not_live_for_ever(pinging: tuple[Faulty, str]) -> None:
    """There is no place for a ping, nor for a Close."""
    faulty, root = pinging
    heard = bytearray()

    async def stops(connection: Connection) -> None:
        await connection.say(FLOOD[:100])
        heard.extend(await connection.rest())

    faulty.script = taking_up(stops)
    with opened(root) as client:
        client.say(frame(BINARY, bytes(60_000), mask=MASK)[:100])
        client.socket.settimeout(10)
        assert client.rest() == FLOOD[:100]
    until(lambda: faulty.open == 0)
    assert bytes(heard) == frame(BINARY, bytes(60_000), mask=MASK)[:100]
