"""The dashboard and the alerts go by names that a relay tells: each metric, and each of its labels."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Receive, Scope, Send

from tests.deploy.fleet import DEPLOY
from tests.relay.wire import CHAT, STREAM_BODY, ask, dialled, request
from tests.servers import answering, recording, relay_over, until

RESPONSES = "/v1/responses"
JSON = "content-type: application/json"
STREAMED = b'{"model":"m","input":"hi","stream":true}'
# Prometheus' own, and what it adds to all that it scrapes.
ADDED = {"instance", "job", "namespace", "pod"}
FROM_PROMETHEUS = {"up": set[str](), "ALERTS": set[str]()}
_METRIC = r"\b(?:relay|process)_[a-z_]+\b|\bup\b"


def told(root: str) -> dict[str, set[str]]:
    """The labels of each sample's name that the relay tells."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(ask(root, "GET", "/metrics").body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def traffic(root: str) -> None:
    """One of everything that is counted: answers, streams, refusals, faults, and what the contract lacks."""
    assert ask(root, "POST", RESPONSES, JSON, body=b'{"model":"m","input":"hi"}').status == 200
    assert ask(root, "POST", RESPONSES, JSON, body=STREAMED).status == 200
    assert ask(root, "POST", RESPONSES, JSON, body=b'{"model":"m","input":"hi","tools":[1]}').status
    assert ask(root, "POST", RESPONSES, JSON, "x-sandbox-fault: status=429", body=STREAMED).status == 429
    assert ask(root, "GET", "/v1/not-in-the-contract").status == 404
    cut = request("POST", RESPONSES, JSON, "x-sandbox-fault: cut-after=3", body=STREAMED)
    with dialled(root, cut) as line:
        line.rest()
    with dialled(root, request("POST", RESPONSES, JSON, "x-sandbox-delay-ms: 200", body=STREAMED)) as line:
        line.until(b"response.created")


async def odd(scope: Scope, receive: Receive, send: Send) -> None:
    """An upstream whose answer is coded though nobody asked for it, and whose stream lacks its last event."""
    coded = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    streamed = scope["path"] == "/v1/chat/completions"
    short = answering(b"data: {}\n\n", headers=[(b"content-type", b"text/event-stream")])
    await (short if streamed else answering(b"{}", headers=coded))(scope, receive, send)


@pytest.fixture(scope="module")
def told_by_a_relay() -> dict[str, set[str]]:
    with relay_over("sandbox:") as root, recording(odd) as upstream, relay_over(upstream) as other:
        traffic(root)
        ask(other, "POST", RESPONSES, JSON, body=b'{"model":"m","input":"hi"}')
        ask(other, "POST", CHAT, JSON, body=STREAM_BODY)
        until(lambda: "relay_cancellations_total" in told(root))
        until(lambda: {"relay_usage_unread_total", "relay_truncated_streams_total"} <= told(other).keys())
        found = told(root)
        for name, labels in told(other).items():
            found.setdefault(name, set()).update(labels)
    return found | FROM_PROMETHEUS


def expressions() -> Iterator[tuple[str, str]]:
    """Where an expression stands, and the expression."""
    board = json.loads((DEPLOY / "grafana" / "relay.json").read_text())
    for panel in board["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", []))
    for variable in board["templating"]["list"][1:]:
        yield variable["name"], variable["query"]["query"]
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])


def uses(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of an expression with the labels that are chosen by."""
    for match in re.finditer(rf"({_METRIC})(?:\{{([^}}]*)\}})?", re.sub(r'"[^"]*"', '""', expression)):
        yield match[1], set(re.findall(r"(\w+)\s*[=!]", match[2] or ""))


def grouped(expression: str) -> set[str]:
    """The labels that an expression groups by."""
    groups = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    return {label.strip() for group in groups for label in group.split(",")}


@pytest.mark.parametrize(("place", "expression"), list(expressions()))
def test_what_an_expression_names_is_told(
    told_by_a_relay: dict[str, set[str]], place: str, expression: str
) -> None:
    named = dict[str, set[str]]()
    for metric, labels in uses(expression):
        named.setdefault(metric, set()).update(labels)
    assert named, place
    for metric, labels in named.items():
        assert metric in told_by_a_relay, place
        assert labels <= told_by_a_relay[metric] | ADDED, place
    assert grouped(expression) <= ADDED.union(*(told_by_a_relay[metric] for metric in named)), place


def test_the_metric_of_the_autoscaler_is_told(told_by_a_relay: dict[str, set[str]]) -> None:
    rules = yaml.safe_load((DEPLOY / "kubernetes" / "adapter-values.yaml").read_text())["rules"]["custom"]
    [metric] = {name for rule in rules for name in re.findall(_METRIC, rule["seriesQuery"])}
    metrics = yaml.safe_load((DEPLOY / "kubernetes" / "autoscaler.yaml").read_text())["spec"]["metrics"]
    assert metrics[0]["pods"]["metric"]["name"] == metric
    assert metric in told_by_a_relay


def test_all_that_a_relay_tells_is_looked_at_somewhere(told_by_a_relay: dict[str, set[str]]) -> None:
    looked_at = {metric for _, expression in expressions() for metric, _ in uses(expression)}
    whole = {re.sub(r"_(?:bucket|sum|count|total|created)$", "", name) for name in looked_at}
    own = {name for name in told_by_a_relay if name.startswith("relay_")}
    assert {re.sub(r"_(?:bucket|sum|count|total|created)$", "", name) for name in own} <= whole
