"""What the relay counts, for whoever watches over it: names and numbers, never what anybody said."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest, values
from prometheus_client.metrics import disable_created_metrics

from relay.telemetry.drift_counter import DRIFT, DriftCounter
from relay.telemetry.tally import Counts, Names, tally
from relay.telemetry.usage import Usage
from relay.telemetry.workers import Workers, told_by

UNKNOWN = "(unknown)"  # forwarded, and not in the contract
NO_KEY = "(no key)"  # whoever has none cannot make label sets
EVENTS, WEBSOCKET = "events", "websocket"

_LEAVE_SECONDS = 1.0
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)
_BYTES = tuple(4.0**power for power in range(4, 16, 2))  # 256 B, 4 KiB, 64 KiB, … 256 MiB
_ERRORS, _USAGE = "relay_upstream_errors", "relay_usage_tokens"
_CODES, _MODELS = 100, 100
_STATUSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")

# The library's own variable for several processes may be another program's.
values.ValueClass = values.MutexValue
# When each counter began doubles what is told, and several processes do not tell it at all.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types its metrics alone


class Metrics:
    """The metrics of one relay; its public attributes are what is counted, each told under its own name.

    Labels are operation ids of the contract, classes of status, and names of the upstream's of which only so
    many are taken. `exposition` tells those of all `workers`, this process among them, and so does `told`,
    of this process as it was a second ago at most.
    """

    def __init__(self, workers: Workers | None = None) -> None:
        self._workers = workers
        self._registry = registry = CollectorRegistry()
        before: Callable[[str], list[tuple[str, ...]]] = workers.before if workers else lambda _metric: []
        self.drift = DriftCounter(registry, before=before(DRIFT))
        self.code = Names(_CODES, (code for _, _, code in before(_ERRORS)))
        self.model = Names(_MODELS, (model for _, model, _ in before(_USAGE)))
        self._count(registry)
        self._observe(registry)
        self._gauge(registry)
        ProcessCollector(registry=registry)
        self.told = registry if workers is None else told_by(workers)

    def _count(self, registry: CollectorRegistry) -> None:
        def count(name: str, about: str, *labels: str) -> Counts:
            return tally(registry, name, about, *labels)

        self.requests = count("relay_requests", "Requests that are over", "operation", "status")
        self.cancellations = count(
            "relay_cancellations", "Requests whose client left before the answer was whole", "operation"
        )
        self.events = count("relay_stream_events", "Events of the upstream's event streams", "operation")
        self.truncated = count(
            "relay_truncated_streams", "Streams that the upstream ended before their last event", "operation"
        )
        self.reports = count(
            "relay_validation_reports", "Bodies forwarded that deviate from the contract", "operation"
        )
        self.upstream_errors = count(
            _ERRORS,
            "Answers of 400 and over by the upstream's code, and exchanges that broke by the relay's",
            *("operation", "status", "code"),
        )
        self.usage = count(_USAGE, "Tokens that answers to POST name as used", "operation", "model", "kind")
        self.usage_unread = count(
            "relay_usage_unread", "Answers to POST that could not be looked into for tokens", "operation"
        )

    def _observe(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, about, labels, buckets=buckets, registry=registry)

        both = ("operation", "status")
        self._durations = histogram(
            "relay_request_duration_seconds", "From a request to its answer's end", _SECONDS, *both
        )
        self._received = histogram("relay_request_size_bytes", "Bodies of requests", _BYTES, *both)
        self._sent = histogram("relay_response_size_bytes", "Bodies of answers", _BYTES, *both)
        self._first = histogram(
            "relay_time_to_first_byte_seconds", "From a request to its answer's head", _SECONDS, "operation"
        )
        self._streams = histogram(
            "relay_stream_duration_seconds", "Event streams, from head to end", _SECONDS, "operation"
        )
        self._rows: dict[tuple[str, str], tuple[Histogram, ...]] = {}

    def _gauge(self, registry: CollectorRegistry) -> None:
        self.in_progress = 0
        self.open = Counter({EVENTS: 0, WEBSOCKET: 0})
        gauge = Gauge("relay_requests_in_progress", "Requests that are not over", registry=registry)
        gauge.set_function(lambda: self.in_progress)
        streams = Gauge("relay_streams_open", "Streams that are not over", ["kind"], registry=registry)
        for kind in self.open:
            streams.labels(kind).set_function(partial(self.open.__getitem__, kind))
        self._connections = Gauge(
            "relay_upstream_connections", "Connections to the upstream", ["state"], registry=registry
        )
        # What is alike in all workers is no sum.
        self._info = Gauge("relay_info", "What runs here", ["version", "contract"], registry=registry)

    @property
    def alone(self) -> bool:
        """Whether this process is the whole relay."""
        return self._workers is None

    def runs(self, contract: str) -> None:
        """Tell the relay's version, and that of its contract."""
        self._info.labels(version("chatgpt-team-relay"), contract).set(1)

    def connected(self, connections: Callable[[], tuple[int, int]]) -> None:
        """Tell how many connections to the upstream are in use, and how many idle."""
        self._connections.labels("in_use").set_function(lambda: connections()[0])
        self._connections.labels("idle").set_function(lambda: connections()[1])

    def answered(
        self, operation: str, status: int | None, seconds: float, sizes: tuple[int, int], first: float | None
    ) -> None:
        """Count a request that is over: `sizes` of its body and its answer's, `first` of the answer's head.

        Times are in seconds, sizes in bytes.
        """
        key = operation, _STATUSES[(status or 0) // 100]
        self.requests[key] += 1
        row = self._rows.get(key)
        if row is None:
            by_status = (self._durations, self._received, self._sent)
            row = self._rows[key] = (
                *(found.labels(*key) for found in by_status),
                self._first.labels(operation),
            )
        durations, received, sent, firsts = row
        durations.observe(seconds)
        received.observe(sizes[0])
        sent.observe(sizes[1])
        if first is not None:
            firsts.observe(first)

    def used(self, operation: str, usage: Usage) -> None:
        """Count the tokens that an answer names, once for each work."""
        if usage.tokens:
            model = self.model(usage.model or UNKNOWN)
            for kind, tokens in usage.tokens.items():
                self.usage[operation, model, kind] += tokens

    def streamed(self, operation: str, seconds: float) -> None:
        """Count an event stream that is over."""
        self._streams.labels(operation).observe(seconds)

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Leave what is counted for the other workers, once a second and at the end."""
        if self._workers is None:
            yield
            return
        leaving = asyncio.create_task(self._leave_always(self._workers))
        try:
            yield
        finally:
            leaving.cancel()
            await asyncio.to_thread(self._workers.leave, self._registry)

    async def _leave_always(self, workers: Workers) -> None:
        while True:
            await asyncio.to_thread(workers.leave, self._registry)
            await asyncio.sleep(_LEAVE_SECONDS)

    def exposition(self) -> bytes:
        """Everything counted so far, in Prometheus' text format. It may use files: call it in a thread."""
        if self._workers is not None:
            # From its file too: counts that went back would be taken for a restart.
            self._workers.leave(self._registry)
        return generate_latest(self.told)
