"""What a relay has counted, read by another's parser, and requests that it has something to count in."""

from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from tests.relay.wire import Answer, ask

Counts: TypeAlias = dict[tuple[str, str, str, str], float]
JSON = "content-type: application/json"
CHAT = "/v1/chat/completions"


def metrics(root: str) -> str:
    """The text of /metrics."""
    answer = ask(root, "GET", "/metrics")
    assert answer.status == 200
    return answer.body.decode()


def drift(root: str) -> Counts:
    """How often what was seen: by kind, operation, name and answer."""
    return counts_in(metrics(root))


def counts_in(text: str) -> Counts:
    """The counts in a text of Prometheus'."""
    found: Counts = {}
    for family in text_string_to_metric_families(text):
        for sample in (sample for sample in family.samples if sample.name == "relay_contract_drift_total"):
            kind, operation, name, answer = (
                sample.labels[label] for label in ("kind", "operation", "name", "answer")
            )
            found[kind, operation, name, answer] = sample.value
    return found


def new(before: Counts, after: Counts) -> Counts:
    """What was counted in between."""
    grown = {key: count - before.get(key, 0) for key, count in after.items()}
    return {key: count for key, count in grown.items() if count}


def chat(root: str, members: str = "", query: str = "") -> Answer:
    """A chat request with more `members`, as JSON that begins with a comma."""
    body = f'{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{members}}}'
    return ask(root, "POST", CHAT + query, JSON, body=body.encode())
