"""What the relay knows of an event stream by the ends of its chunks is what the whole text says."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.errors import UpstreamTruncated, shape
from relay.events import Events
from tests.relay.sse import blocks, events_in, fields, is_whole

ENDS = ("thing.done", "thing.failed")
ERROR = UpstreamTruncated("The upstream ended the stream before its last event")
DATA = [
    "[DONE]",
    "[DONE",
    "",
    "12",
    '"type": "thing.done"',
    '["type", "thing.done"]',
    '{"type":"thing.done"}',
    '{ "n" : [1, {"type": "x"}], "type" : "thing.failed", "m": null }',
    '{"type":"thing.begun","metadata":{"type":"thing.done"}}',
    '{"text":"\\"type\\": \\"thing.done\\"","type":"thing.begun"}',
    '{"type":"error","message":"no"}',
    '{"error":{"message":"no"}}',
    '{"error":null,"id":"é🙂"}',
    '{"n":1,"error":"no"}',
]
LONG = [
    '{"type":"thing.done","text":"' + "x" * 1_500 + '"}',
    '{"type":"thing.begun","text":"' + "x" * 1_500 + '"}',
    '{"error":{"message":"' + "x" * 1_500 + '"}}',
]
NAMES = ["thing.begun", "thing.done", "done", "error"]
BLANK_LINES = ["\n\n", "\n\n", "\r\n\r\n", "\r\r", "\n\r", "\r\n\n", "\r\r\n", "\n\r\n"]
line_ends = st.sampled_from(["\n", "\n", "\r\n", "\r"])
lines = st.one_of(
    st.sampled_from(DATA).map("data: {}".format),
    st.sampled_from(NAMES).map("event: {}".format),
    st.sampled_from([":", ": alive", "id: 1", "retry: 9", "data", "event", "database: 1", "datum", ""]),
    st.text(alphabet="adet:[ \x0b\u2028é", max_size=6),
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Blocks of any lines with any line ends, long data their last, and perhaps half of one more."""
    text = draw(st.sampled_from(["", "", "\ufeff"]))
    for block in draw(st.lists(st.lists(lines, max_size=4), max_size=6)):
        text += "".join(line + draw(line_ends) for line in block)
        text += draw(st.sampled_from(["", "", *(f"data: {data}" for data in LONG)]))
        text += draw(st.sampled_from(BLANK_LINES))
    half = draw(
        st.sampled_from(["", "", "data: [DONE]", "data: {", "event: thing.done\n", "data", ":", "\r"])
    )
    return (text + half).encode()


def read(stream: bytes, cuts: list[int]) -> Events:
    """What is known of `stream` that came in pieces cut at these places."""
    events = Events()
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    for start, stop in pairwise(places):
        events.saw(stream[start:stop])
    return events


any_cuts = st.lists(st.integers(0, 20_000), max_size=12) | st.just(list(range(20_000)))


@settings(max_examples=400, deadline=None)
@given(stream=streams(), cuts=any_cuts)
@example(stream=b"data: [DONE]\r\n\r\n: alive\r\n\r\n", cuts=[15, 16])
@example(stream=b"data: x\r\r\ndata: [DONE]\n\r\n", cuts=[8, 9])
@example(stream="\ufeffdata: [DONE]\n\n".encode(), cuts=[1, 2])
def test_a_stream_is_whole_however_it_was_cut_where_its_text_is(stream: bytes, cuts: list[int]) -> None:
    events = read(stream, cuts)
    assert events.ended(ENDS) == is_whole(stream, ENDS)
    assert events.size == len(stream)
    assert not (events.empty and events_in(stream))


@settings(max_examples=400, deadline=None)
@given(stream=streams(), cuts=any_cuts)
@example(stream=b"event: done\n", cuts=[])
@example(stream=b"data: x\r\n", cuts=[8])
def test_the_error_is_the_last_event_whatever_the_stream_ended_with(stream: bytes, cuts: list[int]) -> None:
    error = read(stream, cuts).error(ERROR)
    before, after = events_in(stream), events_in(stream + error)
    assert json.loads(after[-1][1]) == json.loads(shape(ERROR))
    assert after[: len(before)] == before
    rest = fields(blocks(stream)[1])
    assert len(after) == len(before) + (2 if rest is not None and rest[1].strip() else 1)
    assert blocks(stream + error)[1] == [""]


EVERY_BYTE = list(range(200))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "last", ["event: thing.done\ndata: {}", 'data: {"type":"thing.done"}', "data: [DONE]"]
)
def test_an_end_split_at_every_byte_is_seen(last: str, end: str) -> None:
    stream = f"data: {{}}\n\n{last}\n\n: alive\n\n".replace("\n", end).encode()
    for cut in EVERY_BYTE:
        assert read(stream, [cut]).ended(ENDS)
    assert read(stream, EVERY_BYTE).ended(ENDS)
    begun = stream.rpartition(b": alive")[0].rstrip()
    assert read(begun, EVERY_BYTE).ended(ENDS) == (last == "data: [DONE]")


@pytest.mark.parametrize("name", ["thing.done", "thing.partial"])
@pytest.mark.parametrize("size", [1, 1_000, 65_536])
@pytest.mark.parametrize("named", [True, False])
def test_an_event_of_megabytes_is_known_by_its_head(name: str, size: int, *, named: bool) -> None:
    picture = "A" * (3_000_000 if size > 1 else 30_000)
    line = f"event: {name}\n" if named else ""
    stream = f'data: {{}}\n\n{line}data: {{"type":"{name}","b64":"{picture}"}}'.encode()
    for more in (b"\n\n", b"\r\n\r\n", b"\n\n: alive\n\n"):
        assert read(stream + more, list(range(0, 3_100_000, size))).ended(ENDS) == (name == "thing.done")
    assert not read(stream, list(range(0, 3_100_000, size))).ended(ENDS)


def test_a_name_behind_a_kilobyte_of_data_is_not_seen() -> None:
    text = "x" * 1_100
    assert not read(f'data: {{"text":"{text}","type":"thing.done"}}\n\n'.encode(), []).ended(ENDS)


def test_no_name_ends_a_stream_that_ends_in_done_alone() -> None:
    assert not read(b'event: thing.done\ndata: {"type":"thing.done"}\n\n', []).ended(("[DONE]",))


def test_deep_nesting_is_no_end() -> None:
    assert not read(b'data: {"a":' + b"[" * 100_000 + b"\n\n", []).ended(ENDS)


def test_comments_and_blank_lines_leave_a_stream_empty() -> None:
    assert read(b"", []).empty
    assert read(b"\n\r\n: alive\n\n:\r\r", EVERY_BYTE).empty
    assert not read(b"data: x", []).empty
    assert not read(b"data: x\n\n", []).empty
