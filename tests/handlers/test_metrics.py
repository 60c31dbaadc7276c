"""What the relay has counted, for whoever has a key."""

from prometheus_client.parser import text_string_to_metric_families

from generated.operations import OPERATIONS
from tests.relay.telemetry.drifting import chat
from tests.relay.wire import ask
from tests.servers import REAL_KEY, RELAY_KEY, exchange

# Dashboards and alerts go by these.
NAMES = {
    "relay_cancellations",
    "relay_contract_drift",
    "relay_info",
    "relay_request_duration_seconds",
    "relay_request_size_bytes",
    "relay_requests",
    "relay_requests_in_progress",
    "relay_response_size_bytes",
    "relay_stream_duration_seconds",
    "relay_stream_events",
    "relay_streams_open",
    "relay_time_to_first_byte_seconds",
    "relay_truncated_streams",
    "relay_upstream_connections",
    "relay_upstream_errors",
    "relay_usage_tokens",
    "relay_usage_unread",
    "relay_validation_reports",
}


def test_it_is_prometheus_text(relay: str) -> None:
    assert chat(relay, ',"new":1').status == 200
    answer = ask(relay, "GET", "/metrics")
    assert answer.status == 200
    assert answer.all("content-type") == ["text/plain; version=1.0.0; charset=utf-8"]
    assert OPERATIONS["getMetrics"].response_media_types == ("text/plain",)
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert families["relay_contract_drift"].type == "counter"
    assert all(family.documentation for family in families.values())
    named = {name for name in families if name.startswith("relay_")}
    assert named == NAMES
    assert {name.partition("_")[0] for name in families.keys() - named} == {"process"}


def test_it_holds_no_key(relay: str) -> None:
    assert chat(relay, f',"user":"{RELAY_KEY}","metadata":{{"{REAL_KEY}":"{REAL_KEY}"}}').status == 200
    text = ask(relay, "GET", "/metrics").body.decode()
    assert RELAY_KEY not in text
    assert REAL_KEY not in text


def test_it_needs_a_key(relay: str) -> None:
    answer = exchange(relay, b"GET /metrics HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"relay_contract" not in answer


def test_a_head_has_the_same_fields_and_no_content(relay: str) -> None:
    answer = ask(relay, "HEAD", "/metrics")
    assert (answer.status, answer.body) == (200, b"")
