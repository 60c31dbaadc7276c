"""What the relay has counted, for whoever has a key."""

from prometheus_client.parser import text_string_to_metric_families

from generated.operations import OPERATIONS
from tests.relay.drifting import chat
from tests.relay.wire import ask
from tests.servers import REAL_KEY, RELAY_KEY, exchange


def test_it_is_prometheus_text(relay: str) -> None:
    assert chat(relay, ',"new":1').status == 200
    answer = ask(relay, "GET", "/metrics")
    assert answer.status == 200
    assert answer.all("content-type") == ["text/plain; version=1.0.0; charset=utf-8"]
    assert OPERATIONS["getMetrics"].response_media_types == ("text/plain",)
    families = list(text_string_to_metric_families(answer.body.decode()))
    assert [family.name for family in families] == ["relay_contract_drift"]
    assert [family.type for family in families] == ["counter"]


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
