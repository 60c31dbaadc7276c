"""What the relay counts, for whoever watches over it: names and numbers, never what anybody said."""

from collections import Counter as Tally
from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.metrics import disable_created_metrics

from relay.serving.counters import ABOUT, DRIFT, LABELS, LabelSet, shared

OTHERS = "(others)"
_NAMES = 20
_MOST = 500

# When each counter began doubles what is told, and several processes do not tell it at all.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types its metrics alone


class DriftCounter:
    """Counts what the contract lacks; one process has a bounded number of label sets, whatever clients do.

    Twenty names for each kind, operation and answer, then `(others)` of that operation. `most` label sets in
    all of what was accepted, and `most` of the rest, so that neither hides the other; then `(others)` of no
    operation. With those, one for each kind and answer, that is 2 * 500 + 5 * 3 = 1,015 at most. `before` are
    the label sets that the process goes on from.
    """

    def __init__(
        self, registry: CollectorRegistry, most: int = _MOST, before: Iterable[LabelSet] = ()
    ) -> None:
        self._counter = Counter(DRIFT, ABOUT, LABELS, registry=registry)
        self._most = most
        self._known: dict[LabelSet, Counter] = {}
        self._names = Tally[tuple[str, str, str]]()
        self._label_sets = Tally[bool]()
        with suppress(OSError):
            for key in before:
                self._make(key)

    def inc(self, kind: str, operation: str, name: str, answer: str) -> None:
        """Count one name of an operation, whose id is empty where there is none."""
        key = (kind, operation, name, answer)
        # Where the folder is gone, nothing is counted: nobody's request fails by that.
        with suppress(OSError):
            (self._known.get(key) or self._made(key)).inc()

    def _made(self, key: LabelSet) -> Counter:
        kind, operation, _, answer = key
        if self._names[kind, operation, answer] >= _NAMES:
            key = (kind, operation, OTHERS, answer)
        if key not in self._known and self._label_sets[answer == "accepted"] >= self._most:
            key = (kind, "", OTHERS, answer)
        return self._known.get(key) or self._make(key)

    def _make(self, key: LabelSet) -> Counter:
        kind, operation, _, answer = key
        made = self._known[key] = self._counter.labels(*key)
        self._names[kind, operation, answer] += 1
        self._label_sets[answer == "accepted"] += 1
        return made


class Metrics:
    """The metrics of one relay. `exposition` tells those of all its workers, this one among them."""

    def __init__(self) -> None:
        registry = self._told = CollectorRegistry()
        before: Iterable[LabelSet] = ()
        if (workers := shared()) is not None:
            # What is registered with the other registry is found in the folder.
            self._told = CollectorRegistry()
            self._told.register(workers)
            before = workers.before()
        self.drift = DriftCounter(registry, before=before)

    def exposition(self) -> bytes:
        """Everything counted so far, in Prometheus' text format. It may read files: call it in a thread."""
        return generate_latest(self._told)
