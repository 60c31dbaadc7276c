"""What is counted stays within its bounds, and a file that is full or broken costs nobody a request."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from relay.telemetry.drift_counter import DriftCounter
from relay.telemetry.metrics import Metrics
from relay.telemetry.tally import OTHERS
from relay.telemetry.workers import Workers
from tests.relay.telemetry.drifting import Counts, counts_in

KINDS = ("path", "method", "parameter", "body_field", "event")
ANSWERS = ("accepted", "refused", "unanswered")
seen = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(["", *"abcdef"]),
    st.sampled_from([f"n{one}" for one in range(40)]),
    st.sampled_from(ANSWERS),
)


def counted(keys: list[tuple[str, str, str, str]], most: int = 500) -> Counts:
    registry = CollectorRegistry()
    counter = DriftCounter(registry, most)
    for key in keys:
        counter.inc(*key)
    return counts_in(generate_latest(registry).decode())


@settings(deadline=None)
@given(st.lists(seen, max_size=300), st.integers(0, 60))
def test_whatever_comes_is_counted_within_the_bounds(
    keys: list[tuple[str, str, str, str]], most: int
) -> None:
    told = counted(keys, most)
    for accepted in (True, False):
        own = [key for key in told if (key[3] == "accepted") is accepted]
        assert len([key for key in own if (key[1:3]) != ("", OTHERS)]) <= most
    groups = Counter((kind, operation, answer) for kind, operation, name, answer in told if name != OTHERS)
    assert all(count <= 20 for count in groups.values())
    for kind in KINDS:
        for answer in ANSWERS:
            asked = sum((key[0], key[3]) == (kind, answer) for key in keys)
            assert sum(n for key, n in told.items() if (key[0], key[3]) == (kind, answer)) == asked


def flood(answer: str) -> list[tuple[str, str, str, str]]:
    return [(kind, f"o{one}", f"n{two}", answer) for kind in KINDS for one in range(50) for two in range(30)]


def test_a_flood_of_refused_names_does_not_hide_what_is_accepted() -> None:
    new = ("body_field", "createResponse", "brand_new", "accepted")
    assert counted([*flood("refused"), *flood("unanswered"), new])[new] == 1


def test_a_flood_over_one_operation_does_not_hide_another() -> None:
    told = counted([("body_field", "one", f"n{two}", "accepted") for two in range(1000)])
    assert len(told) == 21
    assert told["body_field", "one", OTHERS, "accepted"] == 980


def test_a_flood_over_all_operations_has_the_bound_that_is_told() -> None:
    told = counted([key for answer in ANSWERS for key in flood(answer)])
    assert 1_000 < len(told) <= 1_015
    assert sum(told.values()) == 5 * 50 * 30 * 3


def worker(folder: Path, number: int = 0) -> Metrics:
    return Metrics(Workers(str(folder), number))


def inc(metrics: Metrics, *names: str) -> None:
    for name in names:
        metrics.drift.inc("path", "", name, "accepted")


def told(metrics: Metrics) -> Counts:
    return counts_in(metrics.exposition().decode())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.told.get_sample_value(name, labels)


ONE = ("path", "", "/one", "accepted")
CHAT = {"operation": "createChatCompletion", "status": "2xx"}


def answered(metrics: Metrics, seconds: float = 0.3) -> None:
    metrics.answered(CHAT["operation"], 200, seconds, (10, 20), 0.1)


def test_workers_are_told_as_their_sum(tmp_path: Path) -> None:
    one, two = worker(tmp_path), worker(tmp_path, 1)
    inc(one, "/one", "/one")
    inc(two, "/one", "/two")
    answered(one)
    answered(two, 20)
    one.in_progress, two.in_progress = 2, 1
    told(one)
    assert told(two) == {ONE: 3, ("path", "", "/two", "accepted"): 1}
    for metrics in (one, two):
        assert value(metrics, "relay_requests_total", **CHAT) == 2
        assert value(metrics, "relay_request_duration_seconds_sum", **CHAT) == pytest.approx(20.3)
        assert value(metrics, "relay_request_duration_seconds_bucket", **CHAT, le="0.5") == 1
        assert value(metrics, "relay_request_duration_seconds_bucket", **CHAT, le="+Inf") == 2
        assert value(metrics, "relay_requests_in_progress") == 3


def test_what_is_alike_in_all_workers_is_not_summed(tmp_path: Path) -> None:
    one, two = worker(tmp_path), worker(tmp_path, 1)
    for metrics in (one, two):
        metrics.runs("2.3.0")
    began = [value(Metrics(), "process_start_time_seconds")]
    told(one)
    told(two)
    [info] = [found for found in one.told.collect() if found.name == "relay_info"]
    assert [sample.value for sample in info.samples] == [1]
    assert [value(one, "process_start_time_seconds")] == began


def test_a_worker_that_takes_anothers_place_goes_on_from_its_counts_and_not_from_its_gauges(
    tmp_path: Path,
) -> None:
    first = worker(tmp_path)
    inc(first, "/one")
    answered(first)
    first.in_progress = 7
    assert value(first, "relay_requests_in_progress") is None  # nothing is left yet
    told(first)
    for ended in range(1, 4):
        next_one = worker(tmp_path)
        answered(next_one)
        assert told(next_one) == {ONE: 1}
        assert value(next_one, "relay_requests_total", **CHAT) == ended + 1
        assert value(next_one, "relay_request_duration_seconds_count", **CHAT) == ended + 1
        assert value(next_one, "relay_requests_in_progress") == 0


def test_a_worker_that_takes_anothers_place_has_what_is_left_of_its_bounds(tmp_path: Path) -> None:
    for beginning in "abc":
        ended = worker(tmp_path)
        inc(ended, *(f"/{beginning}{one}" for one in range(15)))
        told(ended)
    last = worker(tmp_path)
    inc(last, "/a0")
    found = told(last)
    assert len(found) == 21
    assert found["path", "", OTHERS, "accepted"] == 45 - 20
    assert found["path", "", "/a0", "accepted"] == 2


def test_codes_and_models_are_bounded_over_workers_that_end(tmp_path: Path) -> None:
    for ended in range(3):
        metrics = worker(tmp_path)
        for one in range(80):
            name = f"name-{ended}-{one}"
            metrics.upstream_errors["one", "500", metrics.code(name)] += 1
            metrics.usage["one", metrics.model(name), "input"] += 2
        told(metrics)
    families = {found.name: found.samples for found in worker(tmp_path).told.collect()}
    for family, label in (("relay_upstream_errors", "code"), ("relay_usage_tokens", "model")):
        names = [sample.labels[label] for sample in families[family]]
        assert len(names) == 101
        assert sum(sample.value for sample in families[family]) == 240 * (1 + (label == "model"))
        assert OTHERS in names


TORN = {
    "empty": b"",
    "cut": b'[["relay_contract_drift", "x", "counter", [["relay_contr',
    "no JSON": b"\xff\xfe",
    "a number": b"3",
    "strings": b'["abcd", "efgh"]',
    "no labels": json.dumps([["relay_contract_drift", "x", "counter", [["n", None, 1]]]]).encode(),
    "no number": json.dumps(
        [["relay_contract_drift", "x", "counter", [["n", {}, "1"], ["n", {}, "1"]]]]
    ).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("torn", TORN.values(), ids=TORN)
def test_a_file_that_cannot_be_read_is_passed_over_and_the_rest_is_told(tmp_path: Path, torn: bytes) -> None:
    another = worker(tmp_path, 1)
    inc(another, "/one", "/one", "/one")
    told(another)
    (tmp_path / "live-2.json").write_bytes(torn)
    (tmp_path / "live-3.json").mkdir()
    metrics = worker(tmp_path)
    inc(metrics, "/one")
    assert told(metrics) == {ONE: 4}


@pytest.mark.parametrize("torn", TORN.values(), ids=TORN)
def test_a_worker_begins_anew_where_its_file_cannot_be_read(tmp_path: Path, torn: bytes) -> None:
    for kind in ("live", "ended"):
        (tmp_path / f"{kind}-0.json").write_bytes(torn)
    metrics = worker(tmp_path)
    inc(metrics, "/one")
    assert told(metrics) == {ONE: 1}


def test_a_folder_that_is_full_or_gone_costs_counts_and_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "counts"
    folder.mkdir()
    other, metrics = worker(folder, 1), worker(folder)
    inc(other, "/one")
    told(other)
    inc(metrics, "/one")
    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", _full)
        assert told(metrics) == {ONE: 1}
    assert told(metrics) == {ONE: 2}
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    inc(metrics, "/two")
    with capture_logs() as logs:
        assert told(metrics) == told(metrics) == {}
    assert [line["event"] for line in logs] == ["a worker's counts are not told: its file cannot be written"]


def _full(*_: object) -> int:
    raise OSError(28, "No space left on device")
