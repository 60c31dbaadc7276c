"""WebSockets between the driver and the upstream, with nobody between them; frames against another codec."""

from collections.abc import Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from benchmarks import frames
from benchmarks.channel import Channel, channels, echo
from benchmarks.driver import Pacer, Refused
from benchmarks.frames import CLOSE, MASK_BYTES, PING, TEXT, frame, next_frame
from benchmarks.stage import upstream_running
from benchmarks.traffic import CLIENT, DIRECT, delta_event

SMALL = frame(TEXT, delta_event(1024), masked=True)
PAYLOADS = st.one_of(
    st.binary(max_size=300), st.sampled_from((0, 125, 126, 65_535, 65_536)).map(lambda size: b"a" * size)
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with upstream_running() as port:
        yield port


def ended(steps: Generator[None, None, Frame]) -> Frame:
    with pytest.raises(StopIteration) as end:
        next(steps)
    found: Frame = end.value.value
    return found


@given(payload=PAYLOADS, opcode=st.sampled_from((TEXT, 0x2, CLOSE, PING)), masked=st.booleans())
def test_a_frame_is_what_another_codec_reads(payload: bytes, opcode: int, masked: bool) -> None:  # noqa: FBT001
    control = opcode in {CLOSE, PING}
    payload = payload[:125] if control else payload
    stream = StreamReader()
    stream.feed_data(frame(opcode, payload, masked=masked))
    read = ended(Frame.parse(stream.read_exact, mask=masked))
    assert (read.opcode, bytes(read.data), read.fin) == (opcode, payload, True)


@given(
    payloads=st.lists(PAYLOADS, min_size=1, max_size=4), masked=st.booleans(), cut=st.integers(min_value=1)
)
def test_the_frames_of_another_codec_are_found_and_no_part_of_one_is(
    payloads: list[bytes],
    masked: bool,  # noqa: FBT001
    cut: int,
) -> None:
    written = [Frame(Opcode.BINARY, payload).serialize(mask=masked) for payload in payloads]
    data, start = b"".join(written), 0
    for whole, payload in zip(written, payloads, strict=True):
        found = next_frame(data, start)
        assert found is not None
        assert (found.opcode, found.masked) == (Opcode.BINARY, masked)
        assert (found.end, found.end - found.start) == (start + len(whole), len(payload))
        assert next_frame(data[: found.end - 1 - cut % len(whole)], start) is None
        start = found.end
    assert next_frame(data, start) is None


def test_the_proof_is_that_of_the_rfc() -> None:
    # RFC 6455, 1.3.
    assert frames.accept(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_an_event_has_the_size_that_was_asked_for() -> None:
    assert [len(delta_event(size)) for size in (1024, 20_480)] == [1024, 20_480]


def test_frames_come_back_as_large_as_they_went(upstream: int) -> None:
    with channels(upstream, DIRECT, 3) as opened:
        for request in (SMALL, SMALL * 16, frame(TEXT, delta_event(20_480), masked=True)):
            each = len(request) // len(SMALL) if request.startswith(SMALL) else 1
            assert echo(opened, request, 0) == 2 * 3 * each
        assert echo(opened, SMALL, 0.1) > 6


def test_paced_frames_are_all_back(upstream: int) -> None:
    with channels(upstream, DIRECT, 4) as opened:
        taken = Pacer(opened, SMALL).run(rate=500, seconds=0.2)
    assert len(taken) == 100
    assert min(taken) > 0


def test_frames_in_pieces_are_whole_frames(upstream: int) -> None:
    data, due = SMALL * 3, 3 * (len(SMALL) - MASK_BYTES)
    with channels(upstream, DIRECT, 1) as (channel,):
        for start in range(0, len(data), 100):
            channel.socket.sendall(data[start : start + 100])
        while due > 0:
            due -= len(channel.socket.recv(65_536))
        assert due == 0
        channel.exchange(SMALL)


def test_what_was_not_sent_is_refused(upstream: int) -> None:
    with channels(upstream, DIRECT, 1) as (channel,):
        channel.socket.sendall(SMALL * 2)
        with pytest.raises(Refused, match="more came back"):
            channel.exchange(SMALL)


def test_a_frame_that_is_not_masked_ends_it(upstream: int) -> None:
    with channels(upstream, DIRECT, 1) as (channel,), pytest.raises(Refused, match="closed"):
        channel.exchange(frame(TEXT, b"open", masked=False))


def test_another_key_than_the_real_one_opens_no_channel(upstream: int) -> None:
    with pytest.raises(Refused, match="401"):
        Channel(upstream, CLIENT)
