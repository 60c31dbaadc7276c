"""Whoever does not read makes the other side wait, and nothing is lost; nor is it in a flood of frames."""

import threading

import pytest
from websockets.frames import CloseCode

from tests.faulty import Connection, Faulty
from tests.relay.wire import ask, dialled
from tests.servers import eventually, settled
from tests.websockets import (
    BINARY,
    MASK,
    TEXT,
    Client,
    Upstream,
    close,
    close_in,
    frame,
    offer,
    opened,
    taking_up,
)

FRAMES = 1_000
# What the system itself holds on its way, twice, and a little of the relay's; 60 MB are said.
MOST_UNDER_WAY = 24_000_000


def numbered(number: int, mask: bytes) -> bytes:
    return frame(BINARY, b"%08d" % number * 7_500, mask=mask)


def test_a_client_that_does_not_read_makes_the_upstream_wait(faulty: Faulty, faulty_relay: str) -> None:
    said = 0
    upstream = Upstream()

    async def floods(connection: Connection) -> None:
        nonlocal said
        for number in range(FRAMES):
            await connection.say(numbered(number, b""))
            said = number + 1
        await connection.say(close(1000))
        await upstream.hear(connection)

    faulty.script = taking_up(floods)
    with opened(faulty_relay, receive_buffer=65_536) as client:
        assert settled(lambda: said) * len(numbered(0, b"")) < MOST_UNDER_WAY
        # Others are served meanwhile.
        assert ask(faulty_relay, "GET", "/live").status == 200
        for number in range(FRAMES):
            assert client.exactly(len(numbered(number, b""))) == numbered(number, b"")
        assert client.end() == close(1000)


def test_an_upstream_that_does_not_read_makes_the_client_wait(faulty: Faulty, faulty_relay: str) -> None:
    go_on, said, upstream = threading.Event(), 0, Upstream()

    async def dawdles(connection: Connection) -> None:
        await eventually(go_on.is_set, 30)
        for number in range(FRAMES):
            assert await connection.exactly(len(numbered(number, MASK))) == numbered(number, MASK)
        await upstream.hear(connection)

    faulty.script = taking_up(dawdles)
    with opened(faulty_relay) as client:

        def flood() -> None:
            nonlocal said
            for number in range(FRAMES):
                client.say(numbered(number, MASK))
                said = number + 1
            client.say(close(1000, mask=MASK))

        sender = threading.Thread(target=flood)
        sender.start()
        try:
            assert settled(lambda: said) * len(numbered(0, MASK)) < MOST_UNDER_WAY
        finally:
            go_on.set()
            sender.join(30)
        assert client.rest() == close(1000)
    assert upstream.over.wait(10)
    assert upstream.heard == close(1000, mask=MASK)


TINY = {
    "empty": (BINARY, b""),
    "empty text": (TEXT, b""),
    "a byte": (TEXT, b"a"),
    "cut characters": (TEXT, "é".encode()),
}


@pytest.mark.parametrize(("opcode", "payload"), TINY.values(), ids=TINY)
def test_a_flood_of_tiny_frames_passes_whole(
    faulty: Faulty, faulty_relay: str, opcode: int, payload: bytes
) -> None:
    """They come in reads of many thousands, which are not looked at in one go."""
    down, up = frame(opcode, payload) * 50_000, frame(opcode, payload, mask=MASK) * 50_000
    upstream = Upstream()

    async def floods(connection: Connection) -> None:
        await connection.say(down)
        assert await connection.exactly(len(up)) == up
        await upstream.hear(connection)

    faulty.script = taking_up(floods)
    with opened(faulty_relay) as client:
        sender = threading.Thread(target=client.say, args=(up + close(1000, mask=MASK),))
        sender.start()
        assert read(client, len(down)) == down
        assert client.rest() == close(1000)
        sender.join(30)
    assert upstream.over.wait(10)


def test_a_flood_of_tiny_frames_before_the_answer_passes_whole(upstream: Upstream, faulty_relay: str) -> None:
    early = frame(BINARY, b"", mask=MASK) * 5_000
    with dialled(faulty_relay, offer() + early + close(1000, mask=MASK)) as line:
        assert Client(line.socket).rest() == close(1000)
    assert upstream.over.wait(10)
    assert upstream.heard == early + close(1000, mask=MASK)


def read(client: Client, size: int) -> bytes:
    """Like `exactly`, for much."""
    pieces = [client.received]
    client.received = b""
    left = size - len(pieces[0])
    while left > 0:
        pieces.append(client.socket.recv(min(left, 1 << 20)))
        left -= len(pieces[-1])
    return b"".join(pieces)


def test_a_client_that_leaves_while_its_flood_is_looked_at(faulty: Faulty, faulty_relay: str) -> None:
    """What came before it left is said to the upstream all the same."""
    flood, upstream = frame(BINARY, b"", mask=MASK) * 40_000, Upstream()

    async def hears(connection: Connection) -> None:
        assert await connection.exactly(len(flood)) == flood
        await upstream.hear(connection)

    faulty.script = taking_up(hears)
    with opened(faulty_relay) as client:
        client.say(flood)
    assert upstream.over.wait(20)
    assert close_in(upstream.heard, masked=True) == CloseCode.GOING_AWAY
