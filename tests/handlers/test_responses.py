"""What the relay adds to bodies of the Responses API, byte for byte."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.responses import EDITED_BYTES
from relay.edit import with_members
from relay.errors import InvalidJSON
from tests.relay.wire import LAST_CHUNK, ask, chunk
from tests.servers import Recorder, relay_over

JSON = "content-type: application/json"
STREAMS = ("/v1/responses:stream", "/v1/actions/responses/stream")
COMPACT = "/v1/responses/compact"
EXACT = b'"n": [123456789012345678901234567890, 1.10, 1e400, -0, "\\u00e9\xc3\xa9 \\u2028"]'
M = b'{"model": "gpt-5.1"'


def sent(recorder: Recorder) -> tuple[bytes, bytes]:
    [seen] = recorder.seen
    assert seen.header(b"content-length") == [str(len(seen.body)).encode()]
    return seen.target, seen.body


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (b"{}", M + b', "stream": true}'),
        (b' {"input": "x"}\n', b" " + M + b', "stream": true, "input": "x"}\n'),
        (b'{"stream":false,"model":"m"}', b'{"stream":true,"model":"m"}'),
        (b'{"stream" : null }', M + b', "stream" : true }'),
        (b'{"model":"m","stream":true}', b'{"model":"m","stream":true}'),
        (b'{"str\\u0065am":false,"model":"m"}', b'{"str\\u0065am":true,"model":"m"}'),
        (b'{"stream":false,"model":"m","stream":null}', b'{"stream":true,"model":"m","stream":true}'),
        (b'{"x":{"stream":false,"model":1}}', M + b', "stream": true, "x":{"stream":false,"model":1}}'),
        (
            b'{"input":"\\"}, {\\"stream\\": false"}',
            M + b', "stream": true, "input":"\\"}, {\\"stream\\": false"}',
        ),
        (b"{" + EXACT + b"}", M + b', "stream": true, ' + EXACT + b"}"),
        (b'"hello"', M + b', "stream": true, "input": "hello"}'),
        (
            b'\t[{"role": "user", "content": "x"}] ',
            b"\t" + M + b', "stream": true, "input": [{"role": "user", "content": "x"}]} ',
        ),
        (b"12345678901234567890.0", M + b', "stream": true, "input": 12345678901234567890.0}'),
        (b"null", M + b', "stream": true, "input": null}'),
    ],
)
@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_is_asked_for_whatever_the_body_says(
    relay: str, recorder: Recorder, path: str, body: bytes, arrives: bytes
) -> None:
    assert ask(relay, "POST", f"{path}?include[]=a%2Fb", JSON, body=body).status == 200
    assert sent(recorder) == (b"/v1/responses?include[]=a%2Fb", arrives)


def test_a_chunked_body_is_edited_too(relay: str, recorder: Recorder) -> None:
    body = chunk(b'{"inp') + chunk(b'ut": "x"}') + LAST_CHUNK
    assert ask(relay, "POST", STREAMS[0], JSON, "transfer-encoding: chunked", body=body).status == 200
    assert sent(recorder) == (b"/v1/responses", M + b', "stream": true, "input": "x"}')


@pytest.mark.parametrize(
    ("body", "param"), [(b"{", None), (b'{"a": 1} x', None), (b"", None), (b'{"model": 1}', "model")]
)
def test_a_body_that_cannot_be_right_is_refused(
    relay: str, recorder: Recorder, body: bytes, param: str | None
) -> None:
    answer = ask(relay, "POST", STREAMS[0], JSON, body=body)
    if body:
        assert (answer.status, answer.error["param"]) == (400, param)
        assert not recorder.seen
    else:
        assert sent(recorder)[1] == M + b', "stream": true}'


def test_a_member_that_comes_very_often_is_replaced_each_time(relay: str, recorder: Recorder) -> None:
    times = 90_000
    often = b"{" + b",".join([b'"stream":0'] * times) + b"}"
    assert ask(relay, "POST", STREAMS[0], JSON, body=often).status == 200
    [seen] = recorder.seen
    assert seen.body == often.replace(b"{", M + b", ", 1).replace(b'"stream":0', b'"stream":true')


def test_a_body_that_is_filled_in_has_a_media_type(relay: str, recorder: Recorder) -> None:
    assert ask(relay, "POST", STREAMS[0]).status == 200
    [seen] = recorder.seen
    assert seen.header(b"content-type") == [b"application/json"]
    assert json.loads(seen.body)["stream"] is True


def test_what_cannot_be_edited_is_refused_with_the_plain_route(relay: str, recorder: Recorder) -> None:
    coded = ask(relay, "POST", STREAMS[0], JSON, "content-encoding: gzip", body=gzip.compress(b"{}"))
    large = ask(relay, "POST", STREAMS[0], JSON, body=b'"' + b"x" * EDITED_BYTES + b'"')
    chunks = chunk(b'"' + b"x" * EDITED_BYTES) + chunk(b'"') + LAST_CHUNK
    chunked = ask(relay, "POST", STREAMS[1], JSON, "transfer-encoding: chunked", body=chunks)
    media = ask(relay, "POST", STREAMS[0], "content-type: text/plain", body=b"hello")
    assert [answer.status for answer in (coded, large, chunked, media)] == [415, 413, 413, 415]
    assert all("/v1/responses" in answer.error["message"] for answer in (coded, large, chunked))
    assert not recorder.seen


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (b'{"input":"x"}', M + b', "input":"x"}'),
        (b" { } ", b" " + M + b" } "),
        (b"{\n" + EXACT + b"}", M + b", \n" + EXACT + b"}"),
        (b' {"model" : "m", "stream":false}\r\n', b' {"model" : "m", "stream":false}\r\n'),
        (b'{"model":null}', b'{"model":null}'),
        (b'{"mod\\u0065l":"m"}', b'{"mod\\u0065l":"m"}'),
        (b"", b""),
    ],
)
@pytest.mark.parametrize("query", ["", "?beta=true"])
def test_compact_gets_a_model_where_there_is_none(
    relay: str, recorder: Recorder, body: bytes, arrives: bytes, query: str
) -> None:
    answer = ask(relay, "POST", COMPACT + query, *([JSON] if body else []), body=body)
    assert answer.status == 200
    [seen] = recorder.seen
    assert (seen.target, seen.body) == ((COMPACT + query).encode(), arrives)


def test_compact_forwards_what_it_cannot_edit_as_it_came(relay: str, recorder: Recorder) -> None:
    coded, large = gzip.compress(b"{}"), b'{"input":"' + b"x" * EDITED_BYTES + b'"}'
    assert ask(relay, "POST", COMPACT, JSON, "content-encoding: gzip", body=coded).status == 200
    assert ask(relay, "POST", COMPACT, JSON, body=large).status == 200
    chunks = chunk(large[:9]) + chunk(large[9:]) + LAST_CHUNK
    assert ask(relay, "POST", COMPACT, JSON, "transfer-encoding: chunked", body=chunks).status == 200
    assert [seen.body for seen in recorder.seen] == [coded, large, large]


def test_the_model_is_the_one_that_is_set_and_off_means_off(upstream: tuple[Recorder, str]) -> None:
    recorder, base = upstream
    recorder.seen.clear()
    with relay_over(base, default_model='odd "é"', relay_validation="off") as root:
        ask(root, "POST", COMPACT, JSON, body=b"{}")
        ask(root, "POST", COMPACT, JSON, body=b"{ no json")
        ask(root, "POST", COMPACT, JSON, body=b"[1]")
        assert ask(root, "POST", STREAMS[0], JSON, body=b"{ no json").error["code"] == "invalid_json"
        assert ask(root, "POST", STREAMS[0], JSON, body=b"[" * 100_000).error["code"] == "invalid_json"
    assert [json.loads(recorder.seen[0].body)] == [{"model": 'odd "é"'}]
    assert [seen.body for seen in recorder.seen[1:]] == [b"{ no json", b"[1]"]


def test_strictly_judged_the_short_forms_are_legal(upstream: tuple[Recorder, str]) -> None:
    with relay_over(upstream[1], relay_validation="strict") as root:
        for path, body in ((COMPACT, b"{}"), *((path, b'"hello"') for path in STREAMS)):
            assert ask(root, "POST", path, JSON, body=body).status == 200


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["stream", "model", "", "x"]), inner),
    max_leaves=8,
)


@given(value=VALUES, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_an_edited_body_means_what_it_meant_and_what_was_added(
    value: Any, indent: int | None, *, ascii_only: bool
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(errors="replace")
    value = json.loads(body)
    members = value if isinstance(value, dict) else {"input": value}
    edited = json.loads(with_members(body, {"model": "m"}, {"stream": True}))
    assert edited == {"model": "m", **members, "stream": True}


@given(st.binary(max_size=12))
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    try:
        json.loads(with_members(body, {"model": "m"}, {"stream": True}))
    except InvalidJSON:
        with pytest.raises(ValueError):  # noqa: PT011 - whatever json says of it
            json.loads(body.decode())
