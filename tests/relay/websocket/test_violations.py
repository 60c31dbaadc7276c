"""What no peer may send is told to whoever sent it, and the other side hears that it is gone."""

import threading

import pytest
from websockets.frames import CloseCode

from tests.faulty import Connection, Faulty
from tests.servers import eventually, until
from tests.websockets import (
    BINARY,
    CLOSE,
    CONT,
    DEFLATE,
    MASK,
    PING,
    PONG,
    TEXT,
    Upstream,
    close_in,
    frame,
    opened,
    taking_up,
)

EURO = "€".encode()


def violations(mask: bytes) -> dict[str, tuple[bytes, CloseCode]]:
    """Frames that break a rule, and the code for it."""
    protocol = {
        "reserved bit 1": frame(TEXT, b"x", rsv=0x40, mask=mask),
        "reserved bit 2": frame(TEXT, b"x", rsv=0x20, mask=mask),
        "reserved bit 3": frame(TEXT, b"x", rsv=0x10, mask=mask),
        "reserved bit of a ping": frame(PING, b"x", rsv=0x40, mask=mask),
        "wrong masking": frame(TEXT, b"x", mask=b"" if mask else MASK),
        "a ping in fragments": frame(PING, b"x", fin=False, mask=mask),
        "a close in fragments": frame(CLOSE, b"", fin=False, mask=mask),
        "a ping of 126 bytes": frame(PING, bytes(126), mask=mask),
        "a pong that claims 2^63 bytes": frame(PONG, size=1 << 63, mask=mask),
        "a continuation of nothing": frame(CONT, b"x", mask=mask),
        "a continuation of a whole message": frame(TEXT, b"x", mask=mask) + frame(CONT, b"y", mask=mask),
        "a message within another": frame(TEXT, b"x", fin=False, mask=mask) + frame(BINARY, b"y", mask=mask),
        **{f"opcode {code}": frame(code, b"x", mask=mask) for code in (3, 7, 11, 15)},
    }
    data = {
        "text that is not UTF-8": frame(TEXT, b"\xff", mask=mask),
        "an overlong character": frame(TEXT, b"\xc0\xaf", mask=mask),
        "a surrogate": frame(TEXT, b"\xed\xa0\x80", mask=mask),
        "text that ends within a character": frame(TEXT, EURO[:2], mask=mask),
        "a character cut by fragments, badly": frame(TEXT, EURO[:1], fin=False, mask=mask)
        + frame(CONT, b"x", mask=mask),
        "fragments that end within a character": frame(TEXT, EURO[:1], fin=False, mask=mask)
        + frame(CONT, EURO[1:2], mask=mask),
    }
    large = {
        "2^63 bytes": frame(BINARY, size=1 << 63, mask=mask),
        "2^64 - 1 bytes": frame(TEXT, size=(1 << 64) - 1, mask=mask),
        "a byte more than a MiB": frame(BINARY, size=(1 << 20) + 1, mask=mask),
    }
    codes = CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA, CloseCode.MESSAGE_TOO_BIG
    kinds = zip((protocol, data, large), codes, strict=True)
    return {name: (said, code) for kind, code in kinds for name, said in kind.items()}


def told(code: CloseCode, otherwise: CloseCode) -> CloseCode:
    """What the other side is told: a message that is too large is no secret, and its sender is not gone."""
    return code if code is CloseCode.MESSAGE_TOO_BIG else otherwise


@pytest.mark.parametrize(("said", "code"), violations(MASK).values(), ids=violations(MASK))
def test_of_a_client(upstream: Upstream, faulty_relay: str, said: bytes, code: CloseCode) -> None:
    good = frame(TEXT, b"good", mask=MASK)
    with opened(faulty_relay) as client:
        client.say(good + said + good)
        assert client.code() == code
    assert upstream.over.wait(10)
    assert upstream.heard.startswith(good)
    assert close_in(upstream.heard, masked=True) == told(code, CloseCode.GOING_AWAY)


@pytest.mark.parametrize(("said", "code"), violations(b"").values(), ids=violations(b""))
def test_of_an_upstream(faulty: Faulty, faulty_relay: str, said: bytes, code: CloseCode) -> None:
    good, upstream = frame(TEXT, b"good"), Upstream()

    async def says(connection: Connection) -> None:
        await connection.say(good + said + good)
        await upstream.hear(connection)

    faulty.script = taking_up(says)
    with opened(faulty_relay) as client:
        heard = client.end()
    assert heard.startswith(good)
    assert close_in(heard) == told(code, CloseCode.INTERNAL_ERROR)
    assert upstream.over.wait(10)
    assert close_in(upstream.heard, masked=True) == code


def test_bad_text_in_a_frame_that_has_begun_to_pass(upstream: Upstream, faulty_relay: str) -> None:
    """The upstream has half of the frame by then, and no Close can stand within it."""
    large = frame(TEXT, b"a" * 9_999 + b"\xff", mask=MASK)
    with opened(faulty_relay) as client:
        client.say(large[:5_000])
        # What the relay answers behind it shows that it has read it.
        client.say(large[5_000:])
        assert client.code() == CloseCode.INVALID_DATA
    assert upstream.over.wait(10)
    assert upstream.heard == b"" or close_in(upstream.heard, masked=True) == CloseCode.GOING_AWAY


def test_what_comes_behind_a_violation_is_not_looked_at(upstream: Upstream, faulty_relay: str) -> None:
    """However much it is: the connection ends, and the client can read why."""
    with opened(faulty_relay) as client:
        client.say(frame(3, mask=MASK))
        for _ in range(100):
            client.say(frame(BINARY, bytes(60_000), mask=MASK))
        assert client.code() == CloseCode.PROTOCOL_ERROR
    assert upstream.over.wait(10)
    assert len(upstream.frames) == 1


def test_only_what_an_extension_was_taken_for_may_set_its_bit(faulty: Faulty, faulty_relay: str) -> None:
    upstream = Upstream()
    faulty.script = taking_up(upstream.hear, DEFLATE.encode())
    with opened(faulty_relay, DEFLATE) as client:
        client.say(frame(TEXT, b"\xff", rsv=0x40, mask=MASK) + frame(TEXT, b"x", rsv=0x20, mask=MASK))
        assert client.code() == CloseCode.PROTOCOL_ERROR
    assert upstream.over.wait(10)


def test_an_unknown_extension_may_use_every_bit(faulty: Faulty, faulty_relay: str) -> None:
    """What the two ends have agreed upon is not for the relay to know."""
    upstream = Upstream()
    field = "sec-websocket-extensions: x-own"
    faulty.script = taking_up(upstream.hear, field.encode())
    said = b"".join(frame(BINARY, b"x", rsv=bits << 4, mask=MASK) for bits in range(8))
    with opened(faulty_relay, field) as client:
        client.say(said)
        until(lambda: upstream.heard == said)


def test_a_violation_of_one_side_cuts_what_the_other_was_in_the_middle_of(
    faulty: Faulty, faulty_relay: str
) -> None:
    """The one that is to be told has half a frame of the other's: there is no place for a Close."""
    ready = threading.Event()

    async def half(connection: Connection) -> None:
        await connection.say(frame(BINARY, size=1_000) + bytes(500))
        await eventually(ready.is_set)
        await connection.exactly(2)  # the Close that it is told

    faulty.script = taking_up(half)
    with opened(faulty_relay) as client:
        client.exactly(504)
        client.say(frame(3, mask=MASK))
        ready.set()
        assert client.rest() == b""
    until(lambda: faulty.open == 0)
