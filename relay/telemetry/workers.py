"""What several workers of one relay have counted, told by any of them: each leaves its counts in a file."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.samples import Sample

logger = structlog.get_logger("relay")

Families: TypeAlias = list[Any]  # of [name, documentation, type, [[sample's name, labels, value], …]]

# Of these a sum would say nothing: they are alike in all workers, or the first one's.
_LEAST = frozenset({"relay_info", "process_start_time_seconds"})
_LIVE, _ENDED = "live", "ended"
# What reading a file may come to that was not written to its end, or by somebody else.
_TORN = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


class Workers:
    """The counts of all workers in `folder`; this process is the one of that `number`, None for none.

    A worker that takes the place of an ended one goes on from where that left its counts the last time: at
    most a second before its end. A folder that is full or gone costs counts, and nobody a request.
    """

    def __init__(self, folder: str, number: int | None = None) -> None:
        self._folder = Path(folder)
        self._number = number
        self._lock = Lock()
        self._lost = False
        self._end_last()

    def _file(self, kind: str) -> Path:
        return self._folder / f"{kind}-{self._number}.json"

    def _end_last(self) -> None:
        """Add what the last worker of this number has left to what ended workers had counted."""
        live, ended = self._file(_LIVE), self._file(_ENDED)
        if self._number is not None and live.exists():
            counted = [family for family in told(summed([live, ended])) if family[2] not in {"gauge", "info"}]
            with suppress(OSError):
                _write(ended, counted)
                live.unlink()

    def before(self, metric: str) -> list[tuple[str, ...]]:
        """The label sets of a counter that this worker goes on from, each in the order of its labels."""
        found = summed([self._file(_ENDED)])
        samples = [sample for family in found if family.name == metric for sample in family.samples]
        return [tuple(sample.labels.values()) for sample in samples]

    def leave(self, registry: CollectorRegistry) -> None:
        """Leave what this worker has counted, for all to tell. It writes a file: call it in a thread."""
        with self._lock:
            try:
                _write(self._file(_LIVE), told(registry.collect()))
                self._lost = False
            except OSError as error:
                if not self._lost:
                    logger.warning(
                        "a worker's counts are not told: its file cannot be written", reason=str(error)
                    )
                self._lost = True

    def collect(self) -> Iterable[Metric]:
        """The sums over all workers, the ended ones among them."""
        return summed(sorted(self._folder.glob("*.json")))


def told_by(workers: Workers) -> CollectorRegistry:
    """A registry that tells what all `workers` have counted."""
    registry = CollectorRegistry()
    registry.register(workers)
    return registry


def told(families: Iterable[Metric]) -> Families:
    """Metrics as they lie in a file."""
    return [
        (found.name, found.documentation, found.type, [sample[:3] for sample in found.samples])
        for found in families
    ]


def _write(file: Path, families: Families) -> None:
    # Under another name first: whoever reads finds the counts of one moment.
    made = file.with_suffix(f".{os.getpid()}")
    try:
        made.write_text(json.dumps(families))
        made.replace(file)
    finally:
        made.unlink(missing_ok=True)


def summed(files: Iterable[Path]) -> list[Metric]:
    """The metrics in all `files`, without those that cannot be read."""
    found: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for file in files:
        with suppress(*_TORN):
            for name, about, kind, samples in json.loads(file.read_bytes()):
                found.setdefault(name, Metric(name, about, kind))
                sums = values.setdefault(name, {})
                for sample, labels, value in samples:
                    key = (sample, tuple(labels.items()))
                    least = sample in _LEAST and key in sums
                    sums[key] = min(sums[key], value) if least else sums.get(key, 0.0) + value
    for name, metric in found.items():
        metric.samples = [
            Sample(sample, dict(labels), value) for (sample, labels), value in values[name].items()
        ]
    return list(found.values())
