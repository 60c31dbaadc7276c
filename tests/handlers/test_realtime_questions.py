"""What the relay answers about realtime sessions by itself, and that no upstream hears of it."""

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.handlers.judging import judge
from tests.relay.wire import Answer, ask
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, relay_over

JSON = "content-type: application/json"
VALIDATE = "/v1/realtime/sessions/validate"
INTROSPECT = "/v1/realtime/sessions/introspect"
LATEST = 253_402_300_799


def validated(root: str, body: Any, *fields: str) -> Answer:
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(root, "POST", VALIDATE, JSON, *fields, body=given)


@pytest.mark.parametrize("more", [{}, {"expires_at": None}, {"expires_at": LATEST}])
def test_a_session_that_has_not_expired_is_told_so(
    relay: str, recorder: Recorder, more: dict[str, Any]
) -> None:
    before = int(time.time())
    answer = validated(relay, {"session_id": "sess_\u00e9 1", **more})
    told = json.loads(answer.body)
    assert answer.status == 200
    assert before <= told.pop("now") <= time.time()
    assert told == {"status": "ok", "session_id": "sess_\u00e9 1", "expires_at": more.get("expires_at")}
    assert not recorder.seen


@pytest.mark.parametrize("expires_at", [0, 1, "now"])
def test_a_session_that_has_expired_is_410(relay: str, recorder: Recorder, expires_at: Any) -> None:
    when = int(time.time()) if expires_at == "now" else expires_at
    answer = validated(relay, {"session_id": "sess_1", "expires_at": when})
    error = answer.error
    assert (answer.status, error["code"], error["param"]) == (410, "session_expired", "expires_at")
    assert error["type"] == "invalid_request_error"
    assert str(when) in error["message"]
    assert not recorder.seen


BAD = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"sess_1"',
    b"{}",
    b'{"session_id": null}',
    b'{"session_id": 5}',
    b'{"session_id": ""}',
    b'{"session_id": "' + b"x" * 257 + b'"}',
    b'{"session_id": "\\ud800"}',
    b'{"session_id": "\xff"}',
    b'{"session_id": "s", "more": 1}',
    b"[" * 60_000,
    *(
        b'{"session_id": "s", "expires_at": %b}' % value
        for value in (
            b"-1", b"1.5", b"1.5e0", b"1e999", b"NaN", b"Infinity", b"-Infinity", b'"1"', b"true", b"[1]",
            b"{}", b"253402300800", b"9" * 30, b"9" * 5_000,
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body[:60]))
@pytest.mark.parametrize("strength", ["off", "structural", "strict"])
def test_bad_questions_are_refused_however_strictly_bodies_are_judged(
    relays: dict[str, str], body: bytes, strength: str
) -> None:
    answer = validated(relays[strength], body)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


@pytest.fixture(scope="module")
def relays(upstream: tuple[Recorder, str]) -> Iterator[dict[str, str]]:
    """A relay of each strength of validation, by its name."""
    with ExitStack() as stack:
        strengths = ("off", "structural", "strict")
        made = {name: relay_over(upstream[1], relay_validation=name) for name in strengths}
        yield {name: stack.enter_context(served) for name, served in made.items()}


NAMES = st.sampled_from(["session_id", "expires_at", "x"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=6,
)
SECONDS = st.integers(LATEST - 5, LATEST + 5) | st.integers(-5, 5) | ANYTHING
QUESTIONS = st.fixed_dictionaries({"session_id": st.text()}, optional={"expires_at": SECONDS}) | ANYTHING


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=QUESTIONS, off=st.booleans())
def test_any_json_is_answered_or_refused(relays: dict[str, str], value: Any, *, off: bool) -> None:
    root = relays["off" if off else "structural"]
    answer = validated(root, json.dumps(value).encode(errors="replace"))
    members = value if isinstance(value, dict) else {}
    name, when = members.get("session_id"), members.get("expires_at")
    legal = isinstance(name, str) and 0 < len(name) <= 256 and members.keys() <= {"session_id", "expires_at"}
    legal = legal and (when is None or (type(when) is int and 0 <= when <= LATEST))
    expired = legal and when is not None and when <= time.time()
    assert answer.status == (410 if expired else 200 if legal else 400)


def test_what_is_no_plain_json_or_too_much_is_refused(relay: str, recorder: Recorder) -> None:
    body = b'{"session_id": "s"}'
    coded = validated(relay, gzip.compress(body), "content-encoding: gzip")
    text = ask(relay, "POST", VALIDATE, "content-type: text/plain", body=body)
    large = validated(relay, body + b" " * 65_536)
    assert [answer.status for answer in (coded, text, large)] == [415, 415, 413]
    assert not recorder.seen


def test_realtime_is_told_of_as_the_document_says(upstream: tuple[Recorder, str]) -> None:
    given = {"realtime_model": "gpt-realtime-9", "openai_realtime_beta": "realtime=v1"}
    headers = {"x-relay-key": RELAY_KEY}
    with relay_over(upstream[1], **given) as root:
        answer = httpx.get(root + INTROSPECT, headers=headers)
    judge(INTROSPECT, answer)
    told = answer.json()
    assert abs(told.pop("now") - time.time()) < 3_600
    assert told == {"status": "ok", "openai_api_base": upstream[1], **given}
    with relay_over(upstream[1]) as root:
        bare = httpx.get(root + INTROSPECT, headers=headers)
    judge(INTROSPECT, bare)
    assert (bare.json()["realtime_model"], bare.json()["openai_realtime_beta"]) == ("gpt-realtime", None)
    assert REAL_KEY not in answer.text + bare.text
    assert RELAY_KEY not in answer.text + bare.text


@pytest.mark.parametrize(("method", "path"), [("POST", VALIDATE), ("GET", INTROSPECT)])
def test_both_need_a_key_and_have_one_method(relay: str, recorder: Recorder, method: str, path: str) -> None:
    assert httpx.request(method, relay + path).status_code == 401
    for other in {"GET", "POST", "PUT", "DELETE"} - {method}:
        assert ask(relay, other, path).status == 405
    assert not recorder.seen


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", VALIDATE, b'{"session_id": "s"}'),
        ("GET", INTROSPECT, b""),
        ("POST", "/v1/realtime/sessions", b"{}"),
        ("POST", "/v1/realtime/client_secrets", b"{}"),
        ("POST", "/v1/realtime/calls/c/hangup", b""),
    ],
)
def test_what_has_passed_this_relay_goes_no_further(
    relay: str, recorder: Recorder, method: str, path: str, body: bytes
) -> None:
    ask(relay, "GET", "/v1/models")
    [via] = recorder.seen.pop().header(b"via")
    answer = ask(relay, method, path, JSON, f"via: {via.decode()}", body=body)
    assert (answer.status, answer.error["code"]) == (508, "loop_detected")
    assert not recorder.seen
