"""Every Close passes as it is, and whoever is left without one is told what became of the other side."""

import socket
import struct
import threading

import pytest
from websockets.frames import CloseCode

from tests.faulty import Connection, Faulty
from tests.relay.wire import dialled
from tests.servers import eventually, until
from tests.websockets import (
    BINARY,
    CLOSE,
    CONT,
    MASK,
    PING,
    TEXT,
    Client,
    Upstream,
    close,
    close_and_answer,
    close_in,
    frame,
    frames_in,
    offer,
    opened,
    taking_up,
)

CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
HELLO = frame(TEXT, b"hello")
MASKED = frame(TEXT, b"hello", mask=MASK)
closing = pytest.mark.parametrize(
    ("code", "reason"), [*((code, "") for code in CODES), (4001, "because"), (1000, "é" * 61), (None, "")]
)


@closing
def test_a_clients_close_and_its_answer_pass_as_they_are(
    faulty: Faulty, faulty_relay: str, code: int | None, reason: str
) -> None:
    said, heard, answer = close(code, reason, mask=MASK), bytearray(), close(code, f"{reason[:9]}?")
    answer = close(None) if code is None else answer

    async def answers(connection: Connection) -> None:
        heard.extend(await connection.exactly(len(said)))
        await connection.say(answer)
        heard.extend(await connection.rest())

    faulty.script = taking_up(answers)
    with opened(faulty_relay) as client:
        client.say(said)
        assert client.rest() == answer
    until(lambda: faulty.open == 0)
    assert bytes(heard) == said


@closing
def test_an_upstreams_close_and_its_answer_pass_as_they_are(
    faulty: Faulty, faulty_relay: str, code: int | None, reason: str
) -> None:
    answer = close(code, f"{reason[:9]}?", mask=MASK) if code else close(None, mask=MASK)
    assert close_and_answer(faulty, faulty_relay, close(code, reason), answer) == answer


def test_two_closes_that_cross_end_both(faulty: Faulty, faulty_relay: str) -> None:
    """Each is the other's answer, and neither is sent twice."""
    said = threading.Event()
    heard = bytearray()

    async def closes(connection: Connection) -> None:
        await connection.say(close(4000))
        said.set()
        heard.extend(await connection.rest())

    faulty.script = taking_up(closes)
    with opened(faulty_relay) as client:
        assert said.wait(10)
        client.say(close(4001, mask=MASK))
        assert client.rest() == close(4000)
    until(lambda: faulty.open == 0)
    assert bytes(heard) == close(4001, mask=MASK)


def test_what_follows_a_close_is_dropped_and_the_other_side_may_end_its_own(
    faulty: Faulty, faulty_relay: str
) -> None:
    heard = bytearray()

    async def goes_on(connection: Connection) -> None:
        heard.extend(await connection.exactly(8))
        await connection.say(HELLO + HELLO + close(1000) + HELLO)
        heard.extend(await connection.rest())

    faulty.script = taking_up(goes_on)
    with opened(faulty_relay) as client:
        client.say(close(1000, mask=MASK) + MASKED + b"no frame")
        assert client.rest() == HELLO + HELLO + close(1000)
    until(lambda: faulty.open == 0)
    assert bytes(heard) == close(1000, mask=MASK)


def test_after_the_upstreams_close_the_clients_last_words_pass(faulty: Faulty, faulty_relay: str) -> None:
    upstream = Upstream()

    async def closes(connection: Connection) -> None:
        await connection.say(close(1000))
        await upstream.hear(connection)

    faulty.script = taking_up(closes)
    with opened(faulty_relay) as client:
        assert client.exactly(4) == close(1000)
        client.say(MASKED)
        until(lambda: upstream.heard == MASKED)
        client.say(close(1000, mask=MASK) + MASKED)
        assert client.rest() == b""
    assert upstream.over.wait(10)
    assert upstream.heard == MASKED + close(1000, mask=MASK)


def test_a_close_between_the_fragments_of_a_message_ends_it(upstream: Upstream, faulty_relay: str) -> None:
    """RFC 6455, 5.4: control frames may stand there, and a Close is one."""
    said = frame(TEXT, b"no end", fin=False, mask=MASK) + close(1001, mask=MASK)
    with opened(faulty_relay) as client:
        client.say(said)
        assert client.rest() == close(1001)
    assert upstream.over.wait(10)
    assert upstream.heard == said


ILLEGAL = [
    *((code.to_bytes(2, "big"), CloseCode.PROTOCOL_ERROR) for code in (0, 999, 1004, 1005, 1006, 1015)),
    *((code.to_bytes(2, "big"), CloseCode.PROTOCOL_ERROR) for code in (1016, 2999, 5000, 65535)),
    (b"\x03", CloseCode.PROTOCOL_ERROR),
    (b"\x03\xe8\xff", CloseCode.INVALID_DATA),
]


@pytest.mark.parametrize(("payload", "code"), ILLEGAL)
def test_an_illegal_close_of_a_clients(
    upstream: Upstream, faulty_relay: str, payload: bytes, code: CloseCode
) -> None:
    with opened(faulty_relay) as client:
        client.say(MASKED + frame(CLOSE, payload, mask=MASK))
        assert client.code() == code
    assert upstream.over.wait(10)
    assert upstream.heard.startswith(MASKED)
    assert close_in(upstream.heard[len(MASKED) :], masked=True) == CloseCode.GOING_AWAY


@pytest.mark.parametrize(("payload", "code"), ILLEGAL)
def test_an_illegal_close_of_an_upstreams(
    faulty: Faulty, faulty_relay: str, payload: bytes, code: CloseCode
) -> None:
    upstream = Upstream()

    async def closes(connection: Connection) -> None:
        await connection.say(HELLO + frame(CLOSE, payload))
        await upstream.hear(connection)

    faulty.script = taking_up(closes)
    with opened(faulty_relay) as client:
        said = client.end()
    assert said.startswith(HELLO)
    assert close_in(said[len(HELLO) :]) == CloseCode.INTERNAL_ERROR
    assert upstream.over.wait(10)
    assert close_in(upstream.heard, masked=True) == code


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_an_upstream_that_is_lost_between_frames_is_1011(
    faulty: Faulty, faulty_relay: str, *, reset: bool
) -> None:
    async def leaves(connection: Connection) -> None:
        await connection.say(HELLO)
        await connection.exactly(len(MASKED))
        if reset:
            connection.reset()

    faulty.script = taking_up(leaves)
    with opened(faulty_relay) as client:
        assert client.exactly(len(HELLO)) == HELLO
        client.say(MASKED)
        said = client.end()
    [told] = frames_in(said)
    assert told.data == (1011).to_bytes(2, "big") + b"the connection to the upstream broke"


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_an_upstream_that_is_lost_within_a_frame_takes_the_connection_along(
    faulty: Faulty, faulty_relay: str, *, reset: bool
) -> None:
    """There is no place for a Close: the client sees a frame that has no end."""
    large = frame(BINARY, bytes(10_000))

    async def leaves(connection: Connection) -> None:
        await connection.say(large[:5_000])
        await connection.exactly(len(MASKED))
        if reset:
            connection.reset()

    faulty.script = taking_up(leaves)
    with opened(faulty_relay) as client:
        assert client.exactly(5_000) == large[:5_000]
        client.say(MASKED)
        assert client.rest() == b""


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("within", [False, True], ids=["between frames", "within one"])
def test_a_client_that_is_lost(upstream: Upstream, faulty_relay: str, *, reset: bool, within: bool) -> None:
    large = frame(BINARY, bytes(10_000), mask=MASK)
    with opened(faulty_relay) as client:
        client.say(MASKED + (large[:5_000] if within else b""))
        until(lambda: upstream.heard == MASKED)
        if reset:
            leave_by_reset(client)
    assert upstream.over.wait(10)
    rest = upstream.heard[len(MASKED) :]
    if within:
        assert rest == b""
    else:
        assert frames_in(rest, masked=True)[0].data == (1001).to_bytes(2, "big") + b"the client is gone"


def leave_by_reset(client: Client) -> None:
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


@pytest.mark.parametrize("first", [b"", HELLO, close(4000)], ids=["nothing", "a message", "a close"])
def test_an_upstream_that_is_lost_right_behind_its_handshake(
    faulty: Faulty, faulty_relay: str, first: bytes
) -> None:
    async def leaves(_connection: Connection) -> None:
        pass

    faulty.script = taking_up(leaves, first=first)
    with dialled(faulty_relay, offer()) as line:
        said = Client(line.socket).end()
    assert said.startswith(first)
    assert close_in(said) == (4000 if first == close(4000) else CloseCode.INTERNAL_ERROR)


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_a_close_that_is_not_answered_ends_all_the_same(
    faulty: Faulty, faulty_relay: str, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setattr("relay.websocket.tunnel._LAST_SECONDS", 0)
    released = threading.Event()

    async def ignores(connection: Connection) -> None:
        if who == "upstream":
            await connection.say(close(1000) + frame(PING, b"more"))
        await eventually(released.is_set)

    faulty.script = taking_up(ignores)
    try:
        with opened(faulty_relay) as client:
            if who == "client":
                client.say(close(1000, mask=MASK) + frame(CONT, mask=MASK))
                assert client.rest() == b""
            else:
                assert client.rest() == close(1000)
    finally:
        released.set()
