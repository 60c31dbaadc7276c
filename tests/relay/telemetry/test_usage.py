"""Tokens, models and codes are read from copies of an answer's ends, and nothing that is odd in it fails."""

import gzip
import json
import sys
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.telemetry.usage import Ends, Usage, error_code, model_in, usage_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
USED = b'{"usage": {"prompt_tokens": 3}}'
counts = st.integers(0, 10**9)
cuts = st.lists(st.integers(0, 40_000), max_size=6)


def chunks(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


def ends(body: bytes, places: list[int] | None = None, coding: str | None = None) -> Ends:
    made = Ends(coding)
    for chunk in chunks(body, places or []):
        made.saw(chunk)
    return made


@given(st.tuples(counts, counts, counts, counts), json_values, st.text(max_size=3_000), cuts)
def test_a_responses_usage_is_found_wherever_its_chunks_end(
    given_tokens: tuple[int, int, int, int], other: Any, said: str, places: list[int]
) -> None:
    used, made, cached, reasoned = given_tokens
    body = {
        "id": "resp_1",
        "model": "gpt-5.1-2025-11-13",
        "output": [{"text": said}, other],
        "usage": {
            "input_tokens": used,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": reasoned},
            "total_tokens": used + made,
        },
        "metadata": {"note": said[:512]},
    }
    raw = json.dumps(body, ensure_ascii=bool(used % 2)).encode("utf-8", "replace")
    tokens = {"input": used, "output": made, "cached": cached, "reasoning": reasoned}
    for coding, sent in ((None, raw), ("gzip", gzip.compress(raw)), ("deflate", zlib.compress(raw))):
        found = usage_of(ends(sent, places, coding), None)
        assert found == Usage("gpt-5.1-2025-11-13", tokens)


@given(st.integers(0, 60_000), cuts)
def test_only_the_ends_of_a_long_answer_are_held(length: int, places: list[int]) -> None:
    raw = b'{"model": "m", "text": "' + b"x" * length + b'", "usage": {"prompt_tokens": 3}}'
    made = ends(raw, places)
    assert usage_of(made, None) == Usage("m", {"input": 3})
    assert raw.endswith(made.tail)
    assert len(made.tail) < 2 * 16 * 1024
    assert made.size == len(raw)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (
            {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
            {"input": 1, "output": 2},
        ),
        ({"usage": {"prompt_tokens": 1, "total_tokens": 1}}, {"input": 1}),
        ({"usage": {"type": "duration", "seconds": 3}}, {}),
        ({"usage": None}, {}),
        ({"usage": {"input_tokens": True, "output_tokens": "3", "prompt_tokens": -1}}, {}),
        ({"usage": {"input_tokens": 10**13}}, {}),
        ({"usage": {"input_tokens": 1.5}}, {}),
        ({"text": '"usage": {"input_tokens": 7}'}, {}),
        (
            {"tools": [{"properties": {"usage": {"type": "object"}}}], "usage": {"input_tokens": 4}},
            {"input": 4},
        ),
        ({"usage": {"input_tokens": 4}, "metadata": {"usage": "usage"}}, {"input": 4}),
    ],
)
def test_what_counts_as_usage(body: Any, tokens: dict[str, int]) -> None:
    assert usage_of(ends(json.dumps(body).encode()), None).tokens == tokens


def test_of_a_stream_the_last_event_that_tells_usage_counts() -> None:
    stream = (
        b'data: {"model":"gpt-x","choices":[],"usage":null}\n\n'
        b'data: {"model":"gpt-x","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6}}\n\n'
        b"data: [DONE]\n\n"
    )
    assert usage_of(ends(stream, [20, 60, 61]), None) == Usage("gpt-x", {"input": 5, "output": 6})


@pytest.mark.parametrize(
    ("text", "model"),
    [
        (b'{"model":"gpt-5.1"}', "gpt-5.1"),
        (b'{"input": "\\"model\\": \\"no\\"", "model" : "ft:gpt-4o:org::id"}', "ft:gpt-4o:org::id"),
        (b'{"model": "' + b"x" * 97 + b'"}', None),
        (b'{"model": "a\\u0022b"}', None),
        (b'{"model": null}', None),
        (None, None),
    ],
)
def test_the_model_that_a_text_names(text: bytes | None, model: str | None) -> None:
    assert model_in(text) == model


def test_the_answers_model_is_told_before_the_requests() -> None:
    assert usage_of(ends(b'{"model": "told"}'), b'{"model": "asked"}').model == "told"
    assert usage_of(ends(b"{}"), b'{"model": "asked"}').model == "asked"
    assert usage_of(ends(b"{}"), object()).model is None


def test_a_coding_that_is_not_known_is_lost() -> None:
    made = ends(b"anything", coding="br")
    assert (made.lost, made.size) == (True, 0)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"x" * 3_000_000)], ids=["broken", "a bomb"])
def test_what_does_not_unpack_to_a_little_at_a_time_is_lost(body: bytes) -> None:
    assert ends(body, coding="gzip").lost


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_nothing_is_held_of_what_comes_behind_the_end_of_what_was_packed(coding: str) -> None:
    packed = gzip.compress(USED) if coding == "gzip" else zlib.compress(USED)
    together, apart = Ends(coding), Ends(coding)
    together.saw(packed + packed)
    for chunk in (packed, *[b"x" * 10_000] * 100):
        apart.saw(chunk)
    assert together.lost
    assert apart.lost
    assert held(apart) < 20_000
    assert not ends(packed, coding=coding).lost


def test_nothing_is_held_of_pieces_in_which_nothing_is_packed() -> None:
    made, packer = Ends("gzip"), zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    made.saw(packer.compress(USED) + packer.flush(zlib.Z_SYNC_FLUSH))
    before = held(made)
    for _ in range(10_000):
        made.saw(b"\x00\x00\x00\xff\xff")  # an empty block (RFC 1951, 3.2.4)
    assert held(made) == before
    assert usage_of(made, None).tokens == {"input": 3}


def held(made: Ends) -> int:
    """The bytes that it holds, as far as they can be told."""
    last, unpacked = made._last, made._unpacked
    assert unpacked is not None
    return sys.getsizeof(last) + sum(map(len, last)) + len(unpacked.unused_data)


def test_of_usage_within_usage_only_so_many_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr("relay.telemetry.usage._value", read.append)
    assert usage_of(ends(b'{"usage":' * 1_800), None) == Usage()
    assert len(read) == 20


@given(st.binary(max_size=200), cuts, st.sampled_from([None, "gzip", "deflate", "x-gzip", "br"]))
@example(b'{"usage":' + b"[" * 9_000, [], None)
@example(b'{"error":' + b"[" * 9_000, [], None)
def test_whatever_comes_is_read_without_failing(body: bytes, places: list[int], coding: str | None) -> None:
    made = ends(body, places, coding)
    assert all(count >= 0 for count in usage_of(made, body).tokens.values())
    assert isinstance(error_code(made), str)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"error": {"message": "m", "type": "t", "code": "rate_limit_exceeded"}}, "rate_limit_exceeded"),
        ({"error": {"message": "m", "type": "server_error", "code": None}}, "server_error"),
        ({"error": {"code": 7}}, "7"),
        ({"error": "text"}, ""),
        ({"error": None}, ""),
        ([], ""),
        ({}, ""),
    ],
)
def test_the_code_of_an_error(error: Any, code: str) -> None:
    assert error_code(ends(json.dumps(error).encode())) == code
