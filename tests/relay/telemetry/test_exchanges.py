"""What is told of exchanges with the upstream, over real sockets."""

import gzip
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generated.operations import OPERATIONS
from relay.telemetry.drift import Drift
from relay.telemetry.exchange import Exchange, Telemetry
from relay.telemetry.metrics import Metrics
from tests.faulty import Connection, Faulty
from tests.relay.telemetry.drifting import CHAT, JSON, chat, metrics
from tests.relay.telemetry.watching import grows, sample
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.wire import LAST_CHUNK, ask, chunk, dialled, streaming
from tests.servers import Recorder, answering, eventually, exchange

CREATE = "createChatCompletion"
USED = b'{"model": "gpt-told", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}'


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_tokens_are_told_by_operation_and_model_and_no_byte_changes(
    relay: str, recorder: Recorder, coding: str | None
) -> None:
    body = USED if coding is None else gzip.compress(USED)
    fields = [(b"content-type", b"application/json")]
    recorder.reply = answering(body, headers=fields + ([(b"content-encoding", b"gzip")] if coding else []))
    labels = {"operation": CREATE, "model": "gpt-told"}

    def act() -> None:
        assert chat(relay).body == body

    for kind, tokens in (("input", 3), ("output", 4)):
        grows(relay, "relay_usage_tokens_total", act, tokens, kind=kind, **labels)


def test_what_cannot_be_read_is_told_as_unread(relay: str, recorder: Recorder) -> None:
    fields = [(b"content-type", b"application/json"), (b"content-encoding", b"br")]
    recorder.reply = answering(b"\x8b", headers=fields)
    grows(relay, "relay_usage_unread_total", lambda: chat(relay), operation=CREATE)


def test_reading_an_answer_again_uses_nothing(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(USED)
    labels = {"operation": "getChatCompletion", "model": "gpt-told", "kind": "input"}
    assert ask(relay, "GET", f"{CHAT}/one").status == 200
    assert sample(relay, "relay_usage_tokens_total", **labels) == 0


@pytest.mark.parametrize("path", ["/v1/chat/completions/one", "/v1/responses/one/cancel"])
def test_changing_and_cancelling_use_nothing(relay: str, recorder: Recorder, path: str) -> None:
    recorder.reply = answering(b'{"model": "gpt-changed", "usage": {"prompt_tokens": 3}}')
    assert ask(relay, "POST", path, JSON, body=b'{"metadata": {}}').status == 200
    assert "gpt-changed" not in metrics(relay)


def test_an_upstreams_error_is_told_by_its_code(relay: str, recorder: Recorder) -> None:
    error = {"error": {"message": "secret", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
    recorder.reply = answering(json.dumps(error).encode(), status=429)
    labels = {"operation": CREATE, "status": "429", "code": "rate_limit_exceeded"}
    grows(relay, "relay_upstream_errors_total", lambda: chat(relay), **labels)


def test_an_error_without_json_has_no_code(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(b"<html>", status=502, headers=[(b"content-type", b"text/html")])
    labels = {"operation": CREATE, "status": "502", "code": ""}
    grows(relay, "relay_upstream_errors_total", lambda: chat(relay), **labels)


def test_an_upstream_that_does_not_answer_is_told_by_the_relays_code(
    faulty: Faulty, faulty_relay: str
) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()

    faulty.script = script
    labels = {"operation": CREATE, "status": "none", "code": "upstream_unreachable"}
    grows(faulty_relay, "relay_upstream_errors_total", lambda: chat(faulty_relay), **labels)


def test_a_stream_is_open_and_then_told_with_its_events(faulty: Faulty, faulty_relay: str) -> None:
    begun, go_on = [False], [False]

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + b"connection: close\r\n" + CHUNKED + chunk(b'data: {"a": 1}\n\ndata: {"b'))
        await eventually(lambda: go_on[0])
        for part in (b'": 1}\r\n\r', b"\n", b"data: [DONE]\n", b"\n"):
            await connection.say(chunk(part))
        await connection.say(LAST_CHUNK)

    faulty.script = script
    assert sample(faulty_relay, "relay_streams_open", kind="events") == 0
    before = sample(faulty_relay, "relay_stream_events_total", operation=CREATE)
    with dialled(faulty_relay, streaming()) as line:
        line.until(b'{"b')
        begun[0] = True
        assert sample(faulty_relay, "relay_streams_open", kind="events") == 1
        assert sample(faulty_relay, "relay_upstream_connections", state="in_use") == 1

        def finish() -> None:
            go_on[0] = True
            line.until(LAST_CHUNK)

        grows(faulty_relay, "relay_stream_duration_seconds_count", finish, operation=CREATE)
    assert sample(faulty_relay, "relay_streams_open", kind="events") == 0
    assert sample(faulty_relay, "relay_stream_events_total", operation=CREATE) - before == 3


def test_a_stream_that_breaks_off_is_told_as_truncated(faulty: Faulty, faulty_relay: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + b"connection: close\r\n" + CHUNKED + chunk(b"data: {}\n\n") + LAST_CHUNK)

    faulty.script = script
    labels = {"operation": CREATE, "status": "200", "code": "upstream_truncated"}

    def act() -> None:
        exchange(faulty_relay, streaming())

    grows(faulty_relay, "relay_truncated_streams_total", act, operation=CREATE)
    assert sample(faulty_relay, "relay_upstream_errors_total", **labels) >= 1


def test_a_client_that_leaves_is_told_as_a_cancellation(faulty: Faulty, faulty_relay: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + CHUNKED + chunk(b"data: {}\n\n"))
        await connection.rest()

    faulty.script = script

    def leave() -> None:
        with dialled(faulty_relay, streaming()) as line:
            line.until(b"data: {}")

    grows(faulty_relay, "relay_cancellations_total", leave, operation=CREATE)
    assert sample(faulty_relay, "relay_streams_open", kind="events") == 0


def test_whoever_has_no_key_makes_one_label_set(relay: str, recorder: Recorder) -> None:
    def act() -> None:
        for path in ("/v1/models", "/v1/files", "/nowhere"):
            raw = f"GET {path} HTTP/1.1\r\nhost: r\r\nconnection: close\r\n\r\n".encode()
            assert exchange(relay, raw).startswith(b"HTTP/1.1 401")

    grows(relay, "relay_requests_total", act, 3, operation="(no key)", status="4xx")
    assert recorder.seen == []


def test_a_401_of_the_upstreams_is_its_operations(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(b"{}", status=401)
    grows(relay, "relay_requests_total", lambda: chat(relay), operation=CREATE, status="4xx")


def test_sizes_are_those_of_the_bodies(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(b"x" * 5_000, headers=[(b"content-type", b"application/octet-stream")])
    labels = {"operation": "createSpeech", "status": "2xx"}
    body = b'{"model": "m", "input": "' + b"x" * 300 + b'", "voice": "alloy"}'

    def act() -> None:
        assert len(ask(relay, "POST", "/v1/audio/speech", JSON, body=body).body) == 5_000

    grows(relay, "relay_response_size_bytes_sum", act, 5_000, **labels)
    grows(relay, "relay_request_size_bytes_sum", act, len(body), **labels)


@given(
    st.lists(st.sampled_from(["\n", "\r\n"]), min_size=1, max_size=8),
    st.lists(st.integers(0, 200), max_size=9),
)
def test_events_are_counted_wherever_their_chunks_end(line_ends: list[str], places: list[int]) -> None:
    stream = "".join(f"event: e{end}data: {{}}{end}{end}" for end in line_ends).encode()
    metrics = Metrics()
    scope = {"state": {}, "method": "GET", "query_string": b"", "extensions": {}}
    telemetry = Telemetry(metrics, Drift(metrics.drift, bodies=False))
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    with Exchange(telemetry, scope, OPERATIONS["getResponse"]) as watched:
        watched.sends([], b"")
        watched.answered(200, [(b"content-type", b"text/event-stream")])
        assert watched.look is not None
        for start, end in pairwise(edges):
            watched.look(stream[start:end])
    assert watched.look is None
    assert metrics.events == {("getResponse",): len(line_ends)}
