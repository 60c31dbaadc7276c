"""What the relay does to a realtime session that is asked for, byte for byte, and what it says of its own."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generated.operations import OPERATIONS
from handlers.responses import EDITED_BYTES
from relay.edit import values_of, with_members
from tests.relay.wire import LAST_CHUNK, Answer, ask, chunk
from tests.servers import Recorder, relay_over

JSON = "content-type: application/json"
SESSIONS = "/v1/realtime/sessions"
M = b'{"model": "gpt-realtime"'
NAMED = OPERATIONS["create-realtime-session"].models
EXACT = b'"n": [123456789012345678901234567890, 1.10, 1e400, -0, "\\u00e9\xc3\xa9 \\u2028"]'


def session(root: str, body: bytes, *fields: str) -> Answer:
    return ask(root, "POST", SESSIONS, *([JSON] if body else []), *fields, body=body)


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (b"{}", M + b"}"),
        (b" { } ", b" " + M + b" } "),
        (b'{"voice":"alloy"}', M + b', "voice":"alloy"}'),
        (b'{"model":"gpt-realtime-99"}', b'{"model":"gpt-realtime-99"}'),
        (b'{"mod\\u0065l" : "gpt\\u002drealtime"}', b'{"mod\\u0065l" : "gpt\\u002drealtime"}'),
        (b'{"model":null}', b'{"model":null}'),
        (b'{"expires_at":1}', M + b"}"),
        (b'{ "expires_at": 1, "voice": "alloy" }', M + b',  "voice": "alloy" }'),
        (b'{"voice": "alloy" , "expires_at": 1 }', M + b', "voice": "alloy" }'),
        (b'{"expires_at":NaN}', M + b"}"),
        (b'{"a":1,"expires_at":{"x":[1,2]},"model":"gpt-realtime"}', b'{"a":1,"model":"gpt-realtime"}'),
        (b'{"expires_at":1,"model":"gpt-realtime","expires\\u005fat":2}', b'{"model":"gpt-realtime"}'),
        (b'{"x":{"expires_at":1},"model":"gpt-realtime"}', b'{"x":{"expires_at":1},"model":"gpt-realtime"}'),
        (b"{\n" + EXACT + b"}", M + b", \n" + EXACT + b"}"),
    ],
)
def test_a_missing_model_is_filled_in_and_a_time_is_left_out(
    relay: str, recorder: Recorder, body: bytes, arrives: bytes
) -> None:
    assert ask(relay, "POST", f"{SESSIONS}?a[]=b%2Fc", JSON, body=body).status == 200
    [seen] = recorder.seen
    assert (seen.target, seen.body) == (f"{SESSIONS}?a[]=b%2Fc".encode(), arrives)
    assert seen.header(b"content-length") == [str(len(arrives)).encode()]


@pytest.mark.parametrize("fields", [[], [JSON], [JSON, "content-length: 0"]])
def test_without_a_body_the_model_still_goes_up(relay: str, recorder: Recorder, fields: list[str]) -> None:
    assert ask(relay, "POST", SESSIONS, *fields).status == 200
    [seen] = recorder.seen
    assert seen.body == M + b"}"
    assert seen.header(b"content-type") == [b"application/json"]


@pytest.mark.parametrize("pieces", [[], [b'{"voi', b'ce":"alloy"}']])
def test_a_chunked_body_is_edited_too(relay: str, recorder: Recorder, pieces: list[bytes]) -> None:
    body = b"".join(map(chunk, pieces)) + LAST_CHUNK
    assert ask(relay, "POST", SESSIONS, JSON, "transfer-encoding: chunked", body=body).status == 200
    assert recorder.seen[0].body == M + (b', "voice":"alloy"}' if pieces else b"}")


@pytest.mark.parametrize("name", NAMED)
def test_each_model_that_the_contract_names_passes(relay: str, recorder: Recorder, name: str) -> None:
    body = json.dumps({"model": name}).encode()
    assert session(relay, body).status == 200
    assert recorder.seen[0].body == body


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"gpt-5.1"}',
        b'{"model":""}',
        b'{"model":"GPT-REALTIME"}',
        b'{"model":" gpt-realtime"}',
        b'{"model":"gpt-5.1","model":"gpt-realtime"}',
        b'{"model":"gpt-realtime","mod\\u0065l":"gpt-5.1"}',
        b'{"model":"' + b"x" * 100_000 + b'"}',
    ],
)
def test_a_model_that_is_not_for_realtime_is_refused(relay: str, recorder: Recorder, body: bytes) -> None:
    answer = session(relay, body)
    error = answer.error
    assert (answer.status, error["code"], error["param"]) == (400, "unsupported_model", "model")
    assert error["type"] == "invalid_request_error"
    assert all(name in error["message"] for name in (*NAMED, "begin with gpt-realtime"))
    assert len(answer.body) < 2_000
    assert not recorder.seen


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"[]", "invalid_type"),
        (b"null", "invalid_type"),
        (b'{"model":5}', "invalid_type"),
        (b'{"model":{}}', "invalid_type"),
        (b'{"model":"\\ud800"}', "invalid_json"),
        (b'{"model":"\xff"}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
    ],
)
def test_a_body_that_cannot_be_right_is_refused(
    relay: str, recorder: Recorder, body: bytes, code: str
) -> None:
    answer = session(relay, body)
    assert (answer.status, answer.error["code"]) == (400, code)
    assert not recorder.seen


def test_what_cannot_be_edited_goes_up_as_it_came(relay: str, recorder: Recorder) -> None:
    coded, large = gzip.compress(b'{"model":"x"}'), b'{"instructions":"' + b"x" * EDITED_BYTES + b'"}'
    assert session(relay, coded, "content-encoding: gzip").status == 200
    assert session(relay, large).status == 200
    assert [seen.body for seen in recorder.seen] == [coded, large]
    assert ask(relay, "POST", SESSIONS, "content-type: text/plain", body=b"{}").status == 415


def test_the_model_is_the_one_that_is_set_and_off_means_off(upstream: tuple[Recorder, str]) -> None:
    recorder, base = upstream
    recorder.seen.clear()
    odd = 'our "é" model'
    with relay_over(base, realtime_model=odd, relay_validation="off") as root:
        for body in (b"{}", b"{ no json", b"[1]", b'{"model":null}'):
            assert session(root, body).status == 200
        assert session(root, json.dumps({"model": odd}).encode()).status == 200
        for wrong in (b'"gpt-5.1"', b"5", b"[]", b'"\\ud800"', b"9" * 5000):
            assert session(root, b'{"model":' + wrong + b"}").error["code"] == "unsupported_model"
    assert json.loads(recorder.seen[0].body) == json.loads(recorder.seen[4].body) == {"model": odd}
    assert [seen.body for seen in recorder.seen[1:4]] == [b"{ no json", b"[1]", b'{"model":null}']


def test_strictly_judged_an_empty_session_is_legal(upstream: tuple[Recorder, str]) -> None:
    with relay_over(upstream[1], relay_validation="strict") as root:
        for body in (b"", b"{}", b'{"model":"gpt-realtime-99"}'):
            assert session(root, body).status == 200


def test_no_door_for_actions_hands_out_a_secret(relay: str, recorder: Recorder) -> None:
    for path in ("sessions", "transcription_sessions", "client_secrets"):
        answer = ask(relay, "POST", f"/v1/actions/realtime/{path}", JSON, body=b"{}")
        assert (answer.status, answer.error["code"]) == (404, "unknown_url")
    assert not recorder.seen


MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["expires_at", "model", "a", "b\\u0020", ""]),
        st.sampled_from(["1", "null", '"x, \\"}"', "[1, {}]", '{"expires_at": [2]}', "1e400"]),
        st.sampled_from(["", " ", "\n\t"]),
    ),
    max_size=7,
)


@given(members=MEMBERS, end=st.sampled_from(["", " "]))
def test_what_is_left_out_leaves_everything_else_as_it_stood(
    members: list[tuple[str, str, str]], end: str
) -> None:
    written = [f'{space}"{name}"{space}:{space}{value}' for name, value, space in members]
    body = "{" + ",".join(written) + end + "}"
    kept = [text for text, (name, _, _) in zip(written, members, strict=True) if name != "expires_at"]
    expected = "{" + ",".join(kept) + end + "}"
    assert with_members(body.encode(), {}, {}, ("expires_at",)).decode() == expected
    exactly: Any = json.JSONDecoder(parse_float=str, parse_int=str).decode
    models = [exactly(value) for name, value, _ in members if name == "model"]
    assert values_of(body.encode(), "model") == models
