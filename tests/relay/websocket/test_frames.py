"""One direction's frames, cut at any places, judged beside the `websockets` library's own protocol."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import CloseCode
from websockets.protocol import Protocol, Side

from relay.websocket.frames import Frames, Violation
from tests.websockets import BINARY, CLOSE, CONT, MASK, PING, PONG, TEXT, close, frame

LIMIT = 2_000
EXAMPLES = 60
OWN = b"relay-1"
SIDES = pytest.mark.parametrize("mask", [MASK, b""], ids=["client", "upstream"])
SIZES = st.one_of(st.integers(0, 20), st.sampled_from([124, 125, 126, 127, 128, 255]))
CODES = st.one_of(st.sampled_from([1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999]), st.integers(3000, 4999))


@dataclass(frozen=True)
class Verdict:
    """What came of a whole sequence: the bytes that passed, and the violation's code, if there was one."""

    passed: bytes
    code: int | None
    whole: bool


def frames(mask: bytes, *, reserved: int = 0, own: bytes | None = None) -> Frames:
    return Frames(masked=bool(mask), reserved=reserved, limit=LIMIT, is_own=lambda payload: payload == own)


def judged(judge: Frames, pieces: list[bytes]) -> Verdict:
    passed = b""
    for piece in pieces:
        try:
            passed += judge.feed(piece)
        except Violation as violation:
            return Verdict(passed + violation.passed, int(violation.code), judge.whole)
        if judge.close is not None:
            break
    return Verdict(passed, None, judge.whole)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """`data` in pieces that begin at `places`, anywhere."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


PLACES = st.lists(st.integers(0, 10_000), max_size=12)


@st.composite
def controls(draw: st.DrawFn, mask: bytes) -> bytes:
    return frame(draw(st.sampled_from([PING, PONG])), draw(st.binary(max_size=125)), mask=mask)


@st.composite
def messages(draw: st.DrawFn, mask: bytes) -> bytes:
    """A legal message, in one frame or several, with control frames between them."""
    kind = draw(st.sampled_from([TEXT, BINARY]))
    size = draw(SIZES)
    content = ("aé€𐍈"[draw(st.integers(0, 3))] * size).encode() if kind is TEXT else bytes(size)
    parts = cut(content, draw(st.lists(st.integers(0, 1_000), max_size=3))) or [b""]
    said = b""
    for number, part in enumerate(parts):
        opcode, fin = (CONT if number else kind), number == len(parts) - 1
        said += frame(opcode, part, fin=fin, mask=mask)
        said += b"" if fin else b"".join(draw(st.lists(controls(mask), max_size=2)))
    return said


@st.composite
def sequences(draw: st.DrawFn, mask: bytes) -> bytes:
    """Legal frames that end between two messages."""
    return b"".join(draw(st.lists(st.one_of(messages(mask), controls(mask)), max_size=5)))


@SIDES
@settings(max_examples=EXAMPLES)
@given(data=st.data(), places=PLACES)
def test_legal_frames_pass_as_they_came_wherever_they_are_cut(
    mask: bytes, data: st.DataObject, places: list[int]
) -> None:
    said = data.draw(sequences(mask)) + data.draw(st.sampled_from([b"", close(1000, "bye", mask=mask)]))
    assert judged(frames(mask), cut(said, places)) == Verdict(said, None, whole=True)


def oracle(said: bytes, mask: bytes) -> int | None:
    """The code that the `websockets` library fails the connection with; None where it finds no fault."""
    protocol = Protocol(Side.SERVER if mask else Side.CLIENT, max_size=LIMIT)
    protocol.receive_data(said)
    if protocol.parser_exc is None:
        return None
    assert protocol.close_sent is not None
    return int(protocol.close_sent.code)


@st.composite
def odd_frames(draw: st.DrawFn, mask: bytes) -> bytes:
    """A frame that breaks one rule, or none."""
    other = b"" if mask else MASK
    text = frame(TEXT, b"hello", mask=mask)
    odd: bytes = draw(
        st.one_of(
            st.integers(3, 7).map(lambda opcode: frame(opcode, b"x", mask=mask)),
            st.integers(11, 15).map(lambda opcode: frame(opcode, b"x", mask=mask)),
            st.integers(1, 7).map(lambda bits: frame(TEXT, b"x", rsv=bits << 4, mask=mask)),
            st.integers(1, 7).map(lambda bits: frame(PING, b"x", rsv=bits << 4, mask=mask)),
            st.just(frame(TEXT, b"x", mask=other)),
            st.sampled_from([PING, PONG, CLOSE]).map(lambda op: frame(op, b"", fin=False, mask=mask)),
            st.integers(126, 200).map(lambda size: frame(PING, bytes(size), mask=mask)),
            st.just(frame(CONT, b"x", mask=mask)),
            st.just(frame(TEXT, b"x", fin=False, mask=mask) + text),
            st.integers(LIMIT - 2, LIMIT + 2).map(lambda size: frame(BINARY, bytes(size), mask=mask)),
            st.sampled_from([LIMIT + 1, 1 << 16, 1 << 32, 1 << 63, (1 << 64) - 1]).map(
                lambda size: frame(BINARY, b"", size=size, mask=mask)
            ),
            st.integers(0, 2**16 - 1).map(lambda code: close(code, mask=mask)),
            CODES.map(lambda code: close(code, "why", mask=mask)),
            st.sampled_from([b"\x03", b"\x03\xe8\xff", b"\x03\xe8\xed\xa0\x80"]).map(
                lambda payload: frame(CLOSE, payload, mask=mask)
            ),
            controls(mask),
            messages(mask),
        )
    )
    return odd


@SIDES
@settings(max_examples=EXAMPLES)
@given(data=st.data(), places=PLACES)
def test_the_verdict_is_that_of_the_websockets_library(
    mask: bytes, data: st.DataObject, places: list[int]
) -> None:
    """Up to what it does not look at: UTF-8 in messages, and a Close between the frames of a message."""
    legal, odd = data.draw(sequences(mask)), data.draw(odd_frames(mask))
    verdict = judged(frames(mask), cut(legal + odd, places))
    assert verdict.code == oracle(legal + odd, mask)
    if verdict.code is None:
        assert verdict.passed == legal + odd
    else:
        assert verdict.passed.startswith(legal)
        assert (legal + odd).startswith(verdict.passed)


@SIDES
@settings(max_examples=EXAMPLES)
@given(noise=st.binary(max_size=300), places=PLACES)
def test_noise_gets_the_same_verdict_in_any_pieces(mask: bytes, noise: bytes, places: list[int]) -> None:
    """What passed before a fault was found is a beginning of what came; the sooner it came, the more."""
    at_once = judged(frames(mask), [noise])
    in_pieces = judged(frames(mask), cut(noise, places))
    assert in_pieces.code == at_once.code
    assert noise.startswith(in_pieces.passed)
    assert in_pieces.passed.startswith(at_once.passed)
    assert judged(frames(mask), [in_pieces.passed]).code is None


@SIDES
@pytest.mark.parametrize("fragment", [CONT, BINARY], ids=["in fragments", "in one"])
def test_the_limit_is_of_a_message_as_it_is_declared(mask: bytes, fragment: int) -> None:
    begin = frame(BINARY, bytes(1_200), fin=fragment != CONT, mask=mask)
    allowed = begin + frame(fragment, bytes(800), mask=mask)
    assert judged(frames(mask), [allowed]).code is None
    too_big = frame(fragment, b"", size=801 if fragment == CONT else LIMIT + 1, mask=mask)
    verdict = judged(frames(mask), [begin + too_big])
    assert verdict == Verdict(begin, CloseCode.MESSAGE_TOO_BIG, whole=True)


def is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@SIDES
@settings(max_examples=EXAMPLES)
@given(data=st.data(), places=PLACES)
def test_text_is_judged_across_its_frames_and_pieces(
    mask: bytes, data: st.DataObject, places: list[int]
) -> None:
    content = data.draw(st.binary(max_size=12))
    parts = cut(content, data.draw(st.lists(st.integers(0, 12), max_size=3))) or [b""]
    last = len(parts) - 1
    said = b"".join(
        frame(CONT if number else TEXT, part, fin=number == last, mask=mask)
        for number, part in enumerate(parts)
    )
    verdict = judged(frames(mask), cut(said, places))
    assert verdict.code == (None if is_text(content) else CloseCode.INVALID_DATA)
    assert said.startswith(verdict.passed)
    assert judged(frames(mask), [verdict.passed]).code is None


@SIDES
@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_an_extension_of_messages_is_none_of_control_frames(mask: bytes, opcode: int) -> None:
    """RFC 7692, 6.1: they are never compressed."""
    judge = frames(mask, reserved=0x40)
    assert judged(judge, [frame(opcode, rsv=0x40, mask=mask)]).code == CloseCode.PROTOCOL_ERROR


@SIDES
@settings(max_examples=EXAMPLES)
@given(content=st.binary(max_size=100), places=PLACES)
def test_compressed_text_is_not_judged(mask: bytes, content: bytes, places: list[int]) -> None:
    first = frame(TEXT, content, rsv=0x40, fin=False, mask=mask)
    said = first + frame(CONT, b"\xff", mask=mask)
    judge = frames(mask, reserved=0x40)
    assert judged(judge, cut(said, places)) == Verdict(said, None, whole=True)


@SIDES
@settings(max_examples=EXAMPLES)
@given(data=st.data(), places=PLACES)
def test_pongs_of_its_own_are_cut_out_and_no_others(
    mask: bytes, data: st.DataObject, places: list[int]
) -> None:
    others = st.one_of(messages(mask), controls(mask), st.just(frame(PING, OWN, mask=mask)))
    own = frame(PONG, OWN, mask=mask)
    said = data.draw(st.lists(st.one_of(st.just(own), others), max_size=6))
    verdict = judged(frames(mask, own=OWN), cut(b"".join(said), places))
    kept = b"".join(one for one in said if one != own)
    assert verdict == Verdict(kept, None, whole=True)


@SIDES
@settings(max_examples=EXAMPLES)
@given(data=st.data(), behind=st.binary(max_size=50), places=PLACES)
def test_nothing_behind_a_close_counts(
    mask: bytes, data: st.DataObject, behind: bytes, places: list[int]
) -> None:
    said = data.draw(sequences(mask)) + close(4000, "done", mask=mask)
    judge = frames(mask)
    assert judged(judge, cut(said + behind, places)) == Verdict(said, None, whole=True)
    assert judge.close is not None
    assert (int(judge.close.code), judge.close.reason) == (4000, "done")


@SIDES
@settings(max_examples=EXAMPLES)
@given(data=st.data(), places=PLACES)
def test_frames_and_their_payload_are_counted(mask: bytes, data: st.DataObject, places: list[int]) -> None:
    payloads = data.draw(st.lists(st.binary(max_size=200), max_size=6))
    said = b"".join(frame(BINARY, payload, mask=mask) for payload in payloads)
    judge = frames(mask)
    judged(judge, cut(said, places))
    assert (judge.count, judge.size) == (len(payloads), sum(map(len, payloads)))


@SIDES
def test_what_passed_is_whole_only_at_the_end_of_a_frame(mask: bytes) -> None:
    """Half a head, and all that is not there of a control frame, is held back."""
    text, ping = frame(TEXT, b"hello", mask=mask), frame(PING, b"hello", mask=mask)
    for said, held in ((text, len(text) - len(b"hello")), (ping, len(ping))):
        for place in range(1, len(said)):
            judge = frames(mask)
            assert judge.feed(said[:place]) == (said[:place] if place >= held else b"")
            assert judge.whole == (place < held)
            assert judge.feed(said[place:]) == (said[place:] if place >= held else said)
            assert judge.whole
