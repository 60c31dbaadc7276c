"""Names are counted that look like an API's; of anything else not a character is kept."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from generated.operations import OPERATIONS
from relay.telemetry.drift import Drift
from relay.telemetry.drift_names import ODD, event_name, method_at, parameters_in, shape_of, word
from relay.telemetry.metrics import Metrics
from tests.relay.sse import blocks, fields
from tests.relay.telemetry.drifting import JSON, Counts, drift
from tests.relay.wire import Answer, ask
from tests.servers import Recorder, recording, relay_over

PATHS = sorted({f"/v1{found.upstream_path}" for found in OPERATIONS.values() if found.upstream_path})
LITERALS = {part for path in PATHS for part in path.split("/") if "{" not in part}
SPEECH = {"speech.audio.delta", "speech.audio.done"}
SILENT = {"", "error", "keepalive", "message", "ping"}


@pytest.mark.parametrize("name", ["a", "top_k", "_x", "mp3", "h_2024", "a" * 40])
def test_a_word_of_an_api_stays(name: str) -> None:
    assert word(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "1a",
            "-x",
            "a b",
            "a@b.de",
            "é",
            "a\n",
            "a" * 41,
            "a[b]",
            "sk-4f14e45fceea",
            "x2024_11",
            "$ref",
        ),
        *("sk-proj-AbCdEf", "eyJhbGciOi.sig", "john.doe", "Name", "aBcDeFgH", "x-y"),
    ],
)
def test_anything_else_is_odd(name: str) -> None:
    assert word(name) == ODD


@settings(deadline=None)
@given(st.text(max_size=80))
def test_a_name_is_kept_whole_or_not_at_all(name: str) -> None:
    assert word(name) in {name, ODD}
    assert event_name(name) in {name, ODD}


@pytest.mark.parametrize("name", ["a", "response.brand_new", "a.b2.c_3", ".".join(["abc"] * 16)])
def test_an_event_is_words_with_dots_between_them(name: str) -> None:
    assert event_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".a",
            "a.",
            "a..b",
            "a.B",
            "eyJhbGciOi.sig",
            "sk-proj-a",
            "a.b-c",
            "a1.b23.c45",
            "(odd)",
            "a.(odd)",
        ),
        *(".".join(["abcd"] * 13) + "e", "a" * 41, "a." + "b" * 41),
    ],
)
def test_any_other_event_is_odd(name: str) -> None:
    assert event_name(name) == ODD


def at(path: str, method: str = "GET") -> Scope:
    return {"type": "http", "method": method, "path": path, "raw_path": path.encode("latin-1")}


segments = st.one_of(
    st.sampled_from(sorted(LITERALS - {""})),
    st.text("abz_-", max_size=40),
    st.text("abAB019.%~:", min_size=1, max_size=12),
)


@settings(deadline=None)
@given(st.lists(segments, min_size=1, max_size=12))
def test_a_shape_holds_literals_and_plain_words(parts: list[str]) -> None:
    shape = shape_of(at("/v1/" + "/".join(parts)))[1:].split("/")
    assert len(shape) == min(len(parts), 8)
    for part, kept in zip(parts, shape, strict=False):
        assert kept in {part, "{}"}
        assert kept == "{}" or part in LITERALS or re.fullmatch("[a-z_-]{0,32}", part)
        assert part not in LITERALS - {"v1"} or kept == part


@settings(deadline=None)
@given(st.sampled_from(PATHS), st.lists(segments, min_size=1, max_size=6))
def test_one_word_that_the_contract_lacks_is_kept_and_nobodys_name_behind_it(
    path: str, parts: list[str]
) -> None:
    shape = shape_of(at(re.sub(r"\{.*?\}", "x-1", path) + "/" + "/".join(parts)))[1:].split("/")
    assert len([kept for kept in shape if kept not in LITERALS | {"{}"}]) <= 1


@pytest.mark.parametrize("path", PATHS)
def test_a_method_is_told_with_the_path_of_the_contract(path: str) -> None:
    asked = re.sub(r"\{.*?\}", "x-1", path)
    assert method_at(at(asked, "PATCH")) == f"PATCH {path.removeprefix('/v1')}"
    assert method_at(at(asked, "JANE")) == f"{ODD} {path.removeprefix('/v1')}"
    assert method_at(at(asked, "OPTIONS")) is None


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_query_has_names(query: bytes) -> None:
    names = parameters_in(query, 5)
    assert len(names) <= 5
    assert not any("[" in name for name in names)
    assert all(word(name) in {name, ODD} for name in names)


lines = st.one_of(
    st.sampled_from(["event: speech.audio.delta", "event:speech.audio.done", "event: new", "event:newer"]),
    st.sampled_from(
        ["event: error", "event:", "event", "event:  new", "data: {}", ": x", "data: event: no", ""]
    ),
    st.text("event: x\u00e9", max_size=12),
)
streams = st.lists(st.tuples(lines, st.sampled_from(["\n", "\r\n"])), max_size=12).map(
    lambda found: "".join(line + end for line, end in found).encode()
)


def counted(chunks: list[bytes]) -> set[str]:
    metrics = Metrics()
    names = Drift(metrics.drift, bodies=True).events(OPERATIONS["createSpeech"])
    assert names is not None
    for chunk in chunks:
        names.saw(chunk)
    return set(re.findall(r'name="(.*?)",operation="createSpeech"', metrics.exposition().decode()))


def named_in(stream: bytes) -> set[str]:
    """The oracle: the names in all `event` lines of a stream, read whole."""
    ended, rest = blocks(stream)
    found = {(fields([line]) or ("", ""))[0] for block in [*ended, rest] for line in block}
    return {event_name(name) for name in found - SPEECH - SILENT}


@settings(deadline=None)
@given(streams, st.lists(st.integers(0, 12)))
def test_lines_that_come_whole_are_read_as_the_stream_is(stream: bytes, cuts: list[int]) -> None:
    ends = [found.end() for found in re.finditer(rb"\n", stream)]
    places = sorted({0, len(stream), *(ends[cut] for cut in cuts if cut < len(ends))})
    assert counted([stream[start:end] for start, end in pairwise(places)]) == named_in(stream)


@settings(deadline=None)
@given(streams, st.lists(st.integers(0, 100)))
def test_no_cut_makes_up_a_name(stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    assert counted([stream[start:end] for start, end in pairwise(places)]) <= named_in(stream)


class Unread(bytes):
    """What nobody may look into."""

    def startswith(self, *_: Any) -> bool:
        raise AssertionError

    endswith = startswith


def test_one_stream_counts_a_name_once_and_a_bounded_number_of_them() -> None:
    flood = [f"event: new_{chr(97 + one % 26)}{'x' * (one // 26)}\n\n".encode() * 2 for one in range(100)]
    metrics = Metrics()
    names = Drift(metrics.drift, bodies=True).events(OPERATIONS["createSpeech"])
    assert names is not None
    for chunk in flood:
        names.saw(chunk)
    names.saw(Unread(b"event: newer\n\n"))
    told = dict(re.findall(r'name="(.*?)".* (\S+)', metrics.exposition().decode()))
    assert sum(map(float, told.values())) == 32
    assert len(told) == 21


@pytest.fixture(scope="module")
def streaming() -> Iterator[tuple[str, Recorder]]:
    recorder = Recorder()
    with recording(recorder) as base, relay_over(base) as root:
        yield root, recorder


def answered(streaming: tuple[str, Recorder], path: str, body: str, stream: bytes, **fields: Any) -> Answer:
    """The answer to `body` when the upstream's is `stream`."""
    root, recorder = streaming
    status, coding = fields.get("status", 200), fields.get("coding")

    async def reply(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        headers += [(b"content-encoding", coding)] if coding else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": stream})

    recorder.reply = reply
    return ask(root, "POST", path, JSON, body=body.encode())


RESPONSE = ("/v1/responses", '{"model":"m","input":"x","stream":true}')
NEW = b"event: response.brand_new\ndata: {}\n\n"
END = b'event: response.completed\ndata: {"type":"response.completed"}\n\n'


def test_an_event_that_the_contract_does_not_name_is_counted(streaming: tuple[str, Recorder]) -> None:
    stream = b"event: ping\ndata: {}\n\n" + NEW * 3 + b"event: sk-4f14e45fceea\n\n" + END
    assert answered(streaming, *RESPONSE, stream).body == stream
    seen: Counts = {
        ("event", "createResponse", "response.brand_new", "accepted"): 1,
        ("event", "createResponse", "(odd)", "accepted"): 1,
    }
    assert drift(streaming[0]) == seen
    assert answered(streaming, "/v1/responses:stream", RESPONSE[1], NEW + END).body == NEW + END
    assert drift(streaming[0])["event", "createResponse", "response.brand_new", "accepted"] == 2


def test_where_events_have_no_names_or_cannot_be_read_none_is_counted(
    streaming: tuple[str, Recorder],
) -> None:
    before = drift(streaming[0])
    chat = '{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}'
    answered(streaming, "/v1/chat/completions", chat, NEW + b"data: [DONE]\n\n")
    answered(streaming, *RESPONSE, NEW + END, coding=b"gzip")
    answered(streaming, *RESPONSE, NEW, status=400)
    assert drift(streaming[0]) == before
