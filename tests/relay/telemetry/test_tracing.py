"""Spans reach a collector over real sockets, and one that cannot be reached costs no request anything."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from relay.setting_types import SettingsError
from relay.settings import load_settings
from relay.telemetry.tracing import tracer_of
from tests.relay.processes import relaying
from tests.relay.telemetry.collector import Collector, Span, collecting
from tests.relay.telemetry.drifting import CHAT, JSON, chat
from tests.relay.wire import ask
from tests.servers import Recorder, Running, answering, recording, until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"traceparent: 00-{TRACE}-{PARENT}-01"
SERVER, CLIENT, ERROR = 2, 3, 2
USED = b'{"model": "gpt-told", "usage": {"prompt_tokens": 3, "completion_tokens": 4}, "text": "a secret"}'
ASKED = b'{"model": "gpt-asked", "messages": [{"role": "user", "content": "my secret"}]}'
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "50"}


@contextmanager
def traced(folder: Path, recorder: Recorder, **variables: str) -> Iterator[tuple[Running, Collector]]:
    with collecting() as collector, recording(recorder) as base:
        given = QUICK | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.root} | variables
        with relaying(folder, base, **given) as running:
            yield running, collector


def spans(collector: Collector, count: int) -> list[Span]:
    """The spans so far, once there are so many; the client's before the server's that it is within."""
    until(lambda: len(collector.spans) >= count, 20)
    assert len(collector.spans) == count
    return sorted(collector.spans, key=lambda span: -span.kind)


def test_a_request_is_two_spans_in_the_clients_trace(tmp_path: Path) -> None:
    recorder = Recorder(reply=answering(USED))
    with traced(tmp_path, recorder) as (running, collector):
        answer = ask(
            running.root,
            "POST",
            CHAT,
            JSON,
            GIVEN,
            "tracestate: a=1",
            body=b'{"model": "gpt-asked", "messages": [{"role": "user", "content": "my secret"}]}',
        )
        assert answer.body == USED
        client, server = spans(collector, 2)
    assert {client.trace, server.trace} == {TRACE}
    assert (server.kind, server.parent, server.name) == (SERVER, PARENT, f"POST {CHAT}")
    assert (client.kind, client.parent, client.name) == (CLIENT, server.id, "chat gpt-asked")
    [seen] = recorder.seen
    assert seen.header(b"traceparent") == [f"00-{TRACE}-{client.id}-01".encode()]
    assert seen.header(b"tracestate") == [b"a=1"]
    assert server.attributes == {
        "http.request.method": "POST",
        "http.route": CHAT,
        "http.response.status_code": 200,
        "url.path": CHAT,
        "url.scheme": "http",
        "relay.operation": "createChatCompletion",
    }
    assert client.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-asked",
        "gen_ai.response.model": "gpt-told",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
    }
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.services == {"chatgpt-team-relay"}
    assert not [body for body in collector.bodies if b"secret" in body]


def test_without_a_trace_of_the_clients_one_begins(tmp_path: Path) -> None:
    recorder = Recorder()
    with traced(tmp_path, recorder, OTEL_SERVICE_NAME="mine") as (running, collector):
        assert ask(running.root, "GET", "/v1/models").status == 200
        client, server = spans(collector, 2)
    assert server.parent == ""
    assert client.name == "GET /v1/models"
    assert client.trace == server.trace
    [sent] = recorder.seen[0].header(b"traceparent")
    assert sent.startswith(f"00-{server.trace}-{client.id}-".encode())
    assert collector.services == {"mine"}


def test_an_error_of_the_upstreams_is_told_in_both(tmp_path: Path) -> None:
    recorder = Recorder(reply=answering(b'{"error": {"code": "overloaded"}}', status=503))
    with traced(tmp_path, recorder) as (running, collector):
        assert chat(running.root).status == 503
        client, server = spans(collector, 2)
    assert (client.status, client.attributes["error.type"]) == (ERROR, "overloaded")
    assert (server.status, server.attributes["error.type"]) == (ERROR, "503")


def test_a_request_that_does_not_go_on_is_one_span(tmp_path: Path) -> None:
    with traced(tmp_path, Recorder()) as (running, collector):
        assert ask(running.root, "GET", "/health").status == 200
        [server] = spans(collector, 1)
    assert server.name == "GET /health"


def test_of_a_long_path_no_more_is_held_than_its_beginning(tmp_path: Path) -> None:
    with traced(tmp_path, Recorder()) as (running, collector):
        assert ask(running.root, "GET", "/nowhere/" + "x" * 60_000).status == 404
        [server] = spans(collector, 1)
    assert server.attributes["url.path"] == "/nowhere/" + "x" * 1015


@pytest.mark.parametrize("how", ["refused", "silent", "refuses"])
def test_a_collector_that_takes_nothing_costs_one_line_and_no_request(tmp_path: Path, how: str) -> None:
    recorder = Recorder()
    with collecting() as collector, recording(recorder) as base, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if how == "silent":
            taken.listen()
        collector.status = 400
        address = collector.root if how == "refuses" else f"http://127.0.0.1:{taken.getsockname()[1]}"
        given = QUICK | {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
        with relaying(tmp_path, base, **given) as running:
            for _ in range(5):
                assert ask(running.root, "GET", "/v1/models").status == 200
            until(lambda: any("traces are lost" in line for line in running.lines), 30)
            assert ask(running.root, "GET", "/v1/models").status == 200
            running.process.terminate()
            assert running.process.wait(20) == 0
    assert len([line for line in running.lines if "traces are lost" in line]) == 1
    assert not [line for line in running.lines if "Traceback" in line]


def test_the_last_spans_are_sent_before_the_end(tmp_path: Path) -> None:
    with traced(tmp_path, Recorder(), OTEL_BSP_SCHEDULE_DELAY="600000") as (running, collector):
        assert ask(running.root, "GET", "/v1/models").status == 200
        assert collector.bodies == []
        running.process.terminate()
        assert running.process.wait(20) == 0
        assert len(collector.spans) == 2


def test_without_a_collector_the_clients_trace_passes_and_nothing_is_loaded(tmp_path: Path) -> None:
    recorder = Recorder()
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print([one for one in sys.modules if 'opentelemetry' in one], 'loaded'))\n"
        "from relay.commands import main; main()"
    )
    with recording(recorder) as base, relaying(tmp_path, base, program) as running:
        assert ask(running.root, "GET", "/v1/models", GIVEN).status == 200
        assert recorder.seen[0].header(b"traceparent") == [GIVEN.partition(": ")[2].encode()]
        running.process.terminate()
        running.process.wait(20)
    assert "[] loaded" in running.lines


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    settings = load_settings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318")
    with pytest.raises(SettingsError, match=r"pip install 'chatgpt-team-relay\[tracing\]'"):
        tracer_of(settings)
