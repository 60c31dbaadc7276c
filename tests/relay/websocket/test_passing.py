"""What one side says reaches the other as the bytes that it said, in order, whatever they are."""

import asyncio
import socket
import threading
import zlib

import pytest
from websockets.frames import CloseCode

from tests.faulty import Connection, Faulty
from tests.relay.wire import dialled
from tests.servers import eventually, until
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
    close_in,
    connected,
    flood,
    frame,
    offer,
    opened,
    taking_up,
)

MIB = 1024 * 1024
EURO = "€".encode()


def every_kind(mask: bytes) -> bytes:
    """Messages of every kind: empty, in fragments, with control frames and cut characters between them."""
    return b"".join(
        [
            frame(TEXT, b"hello", mask=mask),
            frame(BINARY, bytes(range(256)), mask=mask),
            frame(TEXT, b"", mask=mask),
            frame(BINARY, b"", mask=mask),
            frame(TEXT, EURO[:1], fin=False, mask=mask),
            frame(PING, b"within", mask=mask),
            frame(CONT, b"", fin=False, mask=mask),
            frame(CONT, EURO[1:], fin=True, mask=mask),
            frame(BINARY, b"a", fin=False, mask=mask),
            frame(CONT, b"", mask=mask),
            frame(PONG, b"nobody asked", mask=mask),
            frame(PING, bytes(125), mask=mask),
            frame(BINARY, bytes(65_536), mask=bytes(4) if mask else b""),
        ]
    )


def test_the_libraries_converse_in_order(echoing: str) -> None:
    said: list[str | bytes] = ["", b"", "a", EURO.decode() * 1_000, bytes(range(256)) * 100]
    said += [f"message {number}" for number in range(500)] + [bytes(MIB), "a" * MIB]
    with connected(echoing, compression=None, max_size=None) as client:

        def say_all() -> None:
            for message in said:
                client.send(message)

        sender = threading.Thread(target=say_all)
        sender.start()
        assert [client.recv(timeout=30) for _ in said] == said
        sender.join(30)
        client.send(["in ", "", "fragments"])
        assert client.recv(timeout=30) == "in fragments"


@pytest.mark.parametrize("piece", [1, 7, 1_000_000])
def test_what_the_client_says_reaches_the_upstream_byte_for_byte(
    upstream: Upstream, faulty_relay: str, piece: int
) -> None:
    said = every_kind(MASK) if piece > 1 else every_kind(MASK)[:-65_550]
    with opened(faulty_relay) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(said), piece):
            client.say(said[start : start + piece])
        until(lambda: len(upstream.heard) >= len(said))
    assert upstream.heard[: len(said)] == said


@pytest.mark.parametrize("piece", [1, 7, 1_000_000])
def test_what_the_upstream_says_reaches_the_client_byte_for_byte(
    faulty: Faulty, faulty_relay: str, piece: int
) -> None:
    said = every_kind(b"") if piece > 1 else every_kind(b"")[:-65_546]

    async def says(connection: Connection) -> None:
        for start in range(0, len(said), piece):
            await connection.say(said[start : start + piece])
        await Upstream().hear(connection)

    faulty.script = taking_up(says)
    with opened(faulty_relay) as client:
        assert client.exactly(len(said)) == said


def test_what_came_right_behind_both_handshakes_passes_too(faulty: Faulty, faulty_relay: str) -> None:
    """The client need not wait for the answer's last byte, nor the upstream for the client's first."""
    upstream = Upstream()
    first, early = frame(TEXT, b"created"), frame(TEXT, b"at once", mask=MASK)

    async def goes_on(connection: Connection) -> None:
        await connection.say(first[3:])
        await upstream.hear(connection)

    faulty.script = taking_up(goes_on, first=first + first[:3])
    with dialled(faulty_relay, offer() + early + early[:5]) as line:
        client = Client(line.socket)
        assert client.exactly(2 * len(first)) == first * 2
        client.say(early[5:])
        until(lambda: len(upstream.heard) >= 2 * len(early))
        assert upstream.heard == early * 2


def test_what_the_client_says_before_the_upstream_has_answered_waits(
    faulty: Faulty, faulty_relay: str
) -> None:
    upstream, go_on = Upstream(), threading.Event()
    accept_later = taking_up(upstream.hear)

    async def late(connection: Connection) -> None:
        await eventually(go_on.is_set)
        await accept_later(connection)

    faulty.script = late
    early = [frame(TEXT, b"%d" % number, mask=MASK) for number in range(100)]
    with dialled(faulty_relay, offer()) as line:
        until(lambda: faulty.connections == 1)
        for one in early:
            line.say(one)
        go_on.set()
        Client(line.socket)
        until(lambda: len(upstream.frames) == len(early))
        assert upstream.heard == b"".join(early)


def test_a_flood_before_the_answer_costs_the_connection(faulty: Faulty, faulty_relay: str) -> None:
    async def silent(connection: Connection) -> None:
        await connection.head()
        await connection.rest()

    faulty.script = silent
    with dialled(faulty_relay, offer()) as line, pytest.raises(ConnectionError):
        flood(line)
    until(lambda: faulty.open == 0)


@pytest.mark.parametrize("shape", ["one frame", "fragments"])
@pytest.mark.parametrize("who", ["client", "upstream"])
def test_a_message_at_the_limit_passes_and_one_byte_more_is_1009(
    faulty: Faulty, faulty_relay: str, who: str, shape: str
) -> None:
    mask = MASK if who == "client" else b""
    half = frame(BINARY, bytes(MIB // 2), fin=False, mask=mask)

    def message(size: int) -> bytes:
        if shape == "one frame":
            return frame(BINARY, bytes(size), mask=mask)
        return half + frame(CONT, bytes(size - MIB // 2), mask=mask)

    upstream = Upstream()

    async def says(connection: Connection) -> None:
        if who == "upstream":
            await connection.say(message(MIB) + message(MIB + 1))
        await upstream.hear(connection)

    faulty.script = taking_up(says)
    with opened(faulty_relay) as client:
        if who == "client":
            client.say(message(MIB) + message(MIB + 1))
        received = client.end()
    assert upstream.over.wait(10)
    assert close_in(received) == CloseCode.MESSAGE_TOO_BIG
    assert close_in(upstream.heard, masked=True) == CloseCode.MESSAGE_TOO_BIG
    heard = upstream.heard if who == "client" else received
    assert heard.startswith(message(MIB))


def deflated(payload: bytes) -> bytes:
    """`payload` as a compressed message has it (RFC 7692, 7.2.1)."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def test_the_libraries_compress_end_to_end(echoing: str) -> None:
    """What the relay lets through is small, and what it is inflated to is none of its business."""
    with connected(echoing, max_size=None) as client:
        [extension] = client.protocol.extensions
        assert extension.name == "permessage-deflate"
        for message in ("a" * 10, "€" * 50_000, bytes(8 * MIB), "", "a" * 10):
            client.send(message)
            assert client.recv(timeout=30) == message


def test_a_compressed_bomb_passes_as_it_is(faulty: Faulty, faulty_relay: str) -> None:
    upstream = Upstream()
    faulty.script = taking_up(upstream.hear, DEFLATE.encode())
    bomb = deflated(bytes(64 * MIB))
    assert len(bomb) < MIB
    said = frame(TEXT, bomb, rsv=0x40, mask=MASK)
    with opened(faulty_relay, DEFLATE) as client:
        assert f"\r\n{DEFLATE}\r\n".encode() in client.head + b"\r\n"
        client.say(said)
        until(lambda: len(upstream.heard) == len(said))
        assert upstream.heard == said


def test_the_client_alone_offers_compression_and_the_upstream_alone_takes_it(
    upstream: Upstream, faulty: Faulty, faulty_relay: str
) -> None:
    with opened(faulty_relay, DEFLATE) as client:
        assert b"permessage-deflate" in faulty.heads[0]
        assert b"extensions" not in client.head
        client.say(frame(TEXT, deflated(b"a"), rsv=0x40, mask=MASK))
        assert client.code() == CloseCode.PROTOCOL_ERROR
    with opened(faulty_relay) as client:
        assert b"extensions" not in faulty.heads[1]
    assert upstream.over.wait(10)


def test_pings_and_pongs_are_between_the_two_ends(faulty: Faulty, faulty_relay: str) -> None:
    """The relay answers none in another's name: who is asked is who is there."""
    upstream, go_on = Upstream(), threading.Event()

    async def asks(connection: Connection) -> None:
        await connection.say(frame(PING, b"there?"))
        hearing = asyncio.ensure_future(upstream.hear(connection))
        await eventually(go_on.is_set)
        await connection.say(frame(PONG, b"here"))
        await hearing

    faulty.script = taking_up(asks)
    with opened(faulty_relay) as client:
        ping = frame(PING, b"there?")
        assert client.exactly(len(ping)) == ping
        client.say(frame(PING, b"here", mask=MASK))
        until(lambda: bool(upstream.frames))
        assert [one.opcode for one in upstream.frames] == [PING]
        assert client.received == b""
        client.say(frame(PONG, b"there?", mask=MASK))
        go_on.set()
        pong = frame(PONG, b"here")
        assert client.exactly(len(pong)) == pong
        until(lambda: len(upstream.frames) == 2)
    assert [(one.opcode, one.data) for one in upstream.frames] == [(PING, b"here"), (PONG, b"there?")]
