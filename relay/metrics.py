"""What the relay counts, for whoever watches over it: names and numbers, never what anybody said."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Metric, generate_latest, values
from prometheus_client.metrics import disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector

OTHERS = "(others)"
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_MOST = 500

# When each counter began doubles what is told, and several processes do not tell it at all.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types its metrics alone
# The variable may be another program's. Workers share what they count only where their supervisor says so.
values.ValueClass = values.MutexValue


def share(folder: str, worker: int) -> None:
    """Count in `folder`, as the worker of that number, together with the others that do; before any Metrics.

    A worker goes on from where the last one of its number ended, however that ended.
    """
    os.environ[_FOLDER] = folder
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]  # the same


class _Workers:
    """Collects what all workers have counted in `folder`."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def collect(self) -> Iterable[Metric]:
        """The sums; nothing once the folder is gone, at the relay's end."""
        merged: Iterable[Metric] = []
        with suppress(FileNotFoundError):
            # A file that a worker has just made is empty for a moment.
            files = [str(path) for path in self._folder.glob("*.db") if path.stat().st_size]
            merged = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # the same
        return merged


class DriftCounter:
    """Counts what the contract lacks; the label sets are at most `most`, whatever clients do.

    Beyond them, names that are new to this process are counted together as `(others)`.
    """

    def __init__(self, registry: CollectorRegistry, most: int = _MOST) -> None:
        about = "Requests and streams with a name that the contract lacks, by what the upstream said to it"
        labels = ("kind", "operation", "name", "answer")
        self._counter = Counter("relay_contract_drift", about, labels, registry=registry)
        self._most = most
        self._known: dict[tuple[str, str, str, str], Counter] = {}

    def inc(self, kind: str, operation: str, name: str, answer: str) -> None:
        """Count one name of an operation, whose id is empty where there is none."""
        key = (kind, operation, name, answer)
        # Where the folder has no room, or is gone, nothing is counted: nobody's request fails by that.
        with suppress(OSError):
            (self._known.get(key) or self._made(key)).inc()

    def _made(self, key: tuple[str, str, str, str]) -> Counter:
        if len(self._known) >= self._most:
            kind, operation, _, answer = key
            return self._counter.labels(kind, operation, OTHERS, answer)
        made = self._known[key] = self._counter.labels(*key)
        return made


class Metrics:
    """The metrics of one relay. `exposition` tells those of all its workers, this one among them."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.drift = DriftCounter(registry)
        self._told = registry
        if values.ValueClass is not values.MutexValue:
            # What is registered with the other registry is found in the folder.
            self._told = CollectorRegistry()
            self._told.register(_Workers(os.environ[_FOLDER]))

    def exposition(self) -> bytes:
        """Everything counted so far, in Prometheus' text format. It may read files: call it in a thread."""
        return generate_latest(self._told)
