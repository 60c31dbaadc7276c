"""j. What passes between the two ends of a WebSocket, in which order, and how much of it waits in between."""

import asyncio
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode

from tests.faulty import Connection, Faulty, misbehaving
from tests.relay.large import MIB, Memory, Sum
from tests.relay.websocket.test_passing import deflated
from tests.reliability.plugin import Figure
from tests.reliability.stage import SETTINGS
from tests.reliability.test_b_passing import queued
from tests.servers import running_relay, until
from tests.websockets import (
    BINARY,
    CONT,
    DEFLATE,
    MASK,
    PING,
    PONG,
    TEXT,
    Client,
    Upstream,
    close,
    close_in,
    connected,
    frame,
    opened,
    taking_up,
)

REFUSAL = b'{ "error": {"message": "no", "type": "t", "param": null, "code": "c"} }'
SIZES = (0, 1, 20, 125, 126, 1_000, 5_000, 65_535, 65_536)
WEIGHTS = (1, 1, 40, 5, 5, 30, 10, 1, 1)
PIECE = 65_536
STREAMS = 8
FRAME = frame(BINARY, bytes(range(64, 80)) * 1_000)
FRAMES = 1_000
CONTENT = Sum.of(*[FRAME] * FRAMES, close(1000))
SETTLING_KIB = 8 * 1_024


@pytest.mark.row("j44")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_j44_a_refused_upgrade_keeps_its_status_and_body(
    faulty: Faulty, faulty_relay: str, status: int
) -> None:
    async def refuses(connection: Connection) -> None:
        await connection.request()
        head = b"HTTP/1.1 %d No\r\nretry-after: 3\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        await connection.say(head % (status, len(REFUSAL)) + REFUSAL)

    faulty.script = refuses
    with pytest.raises(InvalidStatus) as caught:
        connected(faulty_relay)
    answer = caught.value.response
    assert (answer.status_code, answer.body, answer.headers["retry-after"]) == (status, REFUSAL, "3")
    assert len(faulty.heads) == 1


def messages(seed: int, mask: bytes, count: int) -> Iterator[bytes]:
    """So many frames of every kind and size: text, binary, in fragments, with control frames between them."""
    chance = random.Random(seed)  # noqa: S311 - the same frames each time
    within = False
    for _ in range(count):
        kind = chance.choice([PING, PONG] if chance.random() < 0.1 else [TEXT, BINARY])
        (size,) = chance.choices(SIZES, WEIGHTS)
        if kind in {PING, PONG}:
            yield frame(kind, chance.randbytes(min(size, 125)), mask=mask)
            continue
        fin = chance.random() < 0.7
        content = ("é" * (size // 2)).encode()
        yield frame(CONT if within else kind, content, fin=fin, mask=mask)
        within = not fin


async def summed(connection: Connection, size: int) -> Sum:
    """What the next `size` bytes come to."""
    found = Sum()
    while found.size < size:
        found.add(await connection.exactly(min(size - found.size, PIECE)))
    return found


@pytest.mark.row("j44")
@pytest.mark.parametrize("count", [2_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_j44_frames_of_every_kind_stay_in_order(
    faulty: Faulty, faulty_relay: str, figure: Figure, count: int
) -> None:
    """Both sides talk at once; every byte is compared, so that none is lost, altered or overtaken."""
    up, down = Sum.of(*messages(1, MASK, count)), Sum.of(*messages(2, b"", count))
    heard: list[Sum] = []

    async def talks(connection: Connection) -> None:
        listening = asyncio.ensure_future(summed(connection, up.size))
        for said in messages(2, b"", count):
            await connection.say(said)
        heard.append(await listening)
        await Upstream().hear(connection)

    def says(client: Client) -> None:
        for said in messages(1, MASK, count):
            client.say(said)

    faulty.script = taking_up(talks)
    with capture_logs() as logs, opened(faulty_relay) as client:
        sender = threading.Thread(target=says, args=(client,))
        sender.start()
        found = Sum.of(client.received)
        while found.size < down.size:
            found.add(client.socket.recv(min(PIECE, down.size - found.size)))
        sender.join()
        client.say(close(1000, mask=MASK))
        assert client.socket.recv(PIECE) == close(1000)
        until(lambda: any(log["event"] == "websocket closed" for log in logs))
    assert (found, heard) == (down, [up])
    [told] = [log for log in logs if log["event"] == "websocket closed"]
    assert told["frames_up"] == told["frames_down"] == count + 1
    figure("frames relayed, both ways at once; lost, altered or overtaken", f"{2 * count:,}; 0")


@pytest.mark.row("j44")
@pytest.mark.parametrize("fragments", [1, 4])
@pytest.mark.parametrize("who", ["client", "upstream"])
def test_j44_a_message_over_the_limit_is_1009_on_both_sides(
    faulty: Faulty, faulty_relay: str, who: str, fragments: int
) -> None:
    """Of 32 MiB, as it is by default: what is declared is refused before it comes."""
    mask, upstream = MASK if who == "client" else b"", Upstream()
    first = frame(BINARY, b"x", fin=False, mask=mask)
    begin = [first, *[frame(CONT, b"x", fin=False, mask=mask)] * (fragments - 2)] if fragments > 1 else []
    size = 32 * MIB - len(begin) + 1
    said = b"".join([*begin, frame(CONT if begin else BINARY, size=size, mask=mask)])

    async def says(connection: Connection) -> None:
        await connection.say(said if who == "upstream" else b"")
        await upstream.hear(connection)

    faulty.script = taking_up(says)
    with opened(faulty_relay) as client:
        client.say(said if who == "client" else b"")
        assert client.code() == CloseCode.MESSAGE_TOO_BIG
    assert upstream.over.wait(10)
    assert close_in(upstream.heard, masked=True) == CloseCode.MESSAGE_TOO_BIG


@pytest.mark.row("j44")
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from Linux's /proc")
def test_j44_a_large_message_and_a_bomb_pass_in_little_memory(tmp_path: Path, figure: Figure) -> None:
    """Neither is gathered, and the bomb is not inflated: that is for who it was sent to."""
    large = frame(BINARY, bytes(32 * MIB), mask=MASK)
    bomb = frame(TEXT, deflated(bytes(MIB)) * 1_000, rsv=0x40, mask=MASK)
    size = len(large) + len(bomb)
    heard: list[Sum] = []

    async def sums(connection: Connection) -> None:
        heard.append(await summed(connection, size))
        await Upstream().hear(connection)

    faulty = Faulty(taking_up(sums, DEFLATE.encode()))
    with misbehaving(faulty):
        given = {**SETTINGS, "OPENAI_API_BASE": faulty.base_url}
        with (
            running_relay("serve", directory=tmp_path, **given) as relay,
            opened(relay.root, DEFLATE) as client,
        ):
            memory = Memory(relay.process.pid)
            before = memory.begin()
            client.say(large)
            client.say(bomb)
            until(lambda: bool(heard), 60)
            growth = memory.peak() - before
    assert heard == [Sum.of(large, bomb)]
    figure("memory for a message of 32 MiB, and one that inflates to 1,000 MiB", f"+{growth} KiB")
    assert growth <= SETTLING_KIB


@pytest.mark.row("j44")
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="who holds how many bytes is read from Linux's /proc")
def test_j44_a_client_that_does_not_read_pauses_the_upstream(tmp_path: Path, figure: Figure) -> None:
    said: dict[Connection, int] = {}

    async def floods(connection: Connection) -> None:
        for _ in range(FRAMES):
            said[connection] = said.get(connection, 0) + len(FRAME)
            await connection.say(FRAME)
        await connection.say(close(1000))
        await Upstream().hear(connection)

    faulty = Faulty(taking_up(floods))
    with ExitStack() as stack:
        stack.enter_context(misbehaving(faulty))
        given = {**SETTINGS, "OPENAI_API_BASE": faulty.base_url}
        relay = stack.enter_context(running_relay("serve", directory=tmp_path, **given))
        memory = Memory(relay.process.pid)
        with opened(relay.root) as first:
            assert whole(first) == CONTENT
        until(lambda: faulty.open == 0)
        said.clear()
        before = memory.begin()
        clients = [stack.enter_context(opened(relay.root, receive_buffer=PIECE)) for _ in range(STREAMS)]
        taken = settled(said)
        read = sum(len(client.received) for client in clients)
        held = taken - queued(relay.root, faulty.base_url) - read
        growth = memory.peak() - before
        figure("held of a WebSocket whose client does not read", f"{held / STREAMS / 1024:.0f} KiB")
        figure(f"memory for {STREAMS} such WebSockets", f"+{growth / 1024:.1f} MiB")
        assert taken < STREAMS * CONTENT.size
        assert held <= STREAMS * MIB
        assert growth <= STREAMS * 1024
        assert [whole(client) for client in clients] == [CONTENT] * STREAMS


def whole(client: Client) -> Sum:
    """What all that is left comes to, with its Close, which is answered."""
    found = Sum.of(client.received)
    while found.size < CONTENT.size:
        found.add(client.socket.recv(MIB))
    client.say(close(1000, mask=MASK))
    return found


def settled(said: dict[Connection, int]) -> int:
    """How much the system took of what was said, once that has not grown for a while."""
    before = -1
    while before != (now := sum(said.values())) or len(said) < STREAMS:
        before = now
        time.sleep(0.5)
    return before - sum(connection.unsent for connection in said)
