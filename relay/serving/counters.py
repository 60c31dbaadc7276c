"""The files that the workers of one relay count in, each in its own, and the sums of what is in them."""

import json
import os
import struct
from collections import Counter as Tally
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import structlog
from prometheus_client import Metric, values
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.mmap_dict import MmapedDict

logger = structlog.get_logger("relay")

DRIFT = "relay_contract_drift"
ABOUT = "Requests and streams with a name that the contract lacks, by what the upstream said to it"
LABELS = ("kind", "operation", "name", "answer")
LabelSet: TypeAlias = tuple[str, str, str, str]

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# More than all label sets of a worker need: 1,015 of at most 700 bytes each.
_ROOM_BYTES = 1 << 20
# What reading a file may come to that was not written to its end, or by somebody else.
_TORN = (struct.error, ValueError, RuntimeError, LookupError, TypeError)

# The variable may be another program's. Workers share what they count only where their supervisor says so.
values.ValueClass = values.MutexValue
# The file of this process, where it is one of several.
_shared: list[Path] = []


def share(folder: str, worker: int) -> None:
    """Count in `folder`, as the worker of that number, together with the others that do; before any Metrics.

    A worker goes on from where the last one of its number ended, however that ended. Where there is no room
    for its file, nothing that it counts is told, and it tells what the others have counted.
    """
    file = Path(folder, f"counter_{worker}.db")
    _shared.append(file)
    os.environ[_FOLDER] = folder
    try:
        _reserve(file)
    except OSError as error:
        logger.warning("a worker does not count: there is no room for its counters", reason=error.strerror)
        return
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]  # the library types its metrics alone


def _reserve(file: Path) -> None:
    """Take all the room of `file` now: on a full file system, to write where it has none kills (SIGBUS)."""
    with suppress(FileNotFoundError):
        try:
            _read(file)
        except _TORN:
            file.unlink()  # there is nothing to go on from
    with file.open("ab") as opened:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(opened.fileno(), 0, _ROOM_BYTES)


def _read(file: Path) -> dict[LabelSet, float]:
    """What a worker's file holds. Raises OSError, and one of _TORN."""
    found: dict[LabelSet, float] = {}
    for key, value, *_ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]  # the same
        labels = json.loads(key)[2]
        kind, operation, name, answer = (labels[label] for label in LABELS)
        found[kind, operation, name, answer] = value
    return found


class Workers:
    """Collects what all workers have counted in the folder of `own`, which is this one's file."""

    def __init__(self, own: Path) -> None:
        self._own = own

    def before(self) -> Iterable[LabelSet]:
        """What this worker goes on from: the label sets that its file has already."""
        with suppress(OSError, *_TORN):
            return _read(self._own)
        return ()

    def collect(self) -> Iterable[Metric]:
        """The sums, without the files that cannot be read; nothing once the folder is gone, at the end."""
        sums = Tally[LabelSet]()
        for file in self._own.parent.glob("*.db"):
            # One that a worker has just made is empty for a moment.
            with suppress(OSError, *_TORN):
                sums.update(_read(file))
        told = CounterMetricFamily(DRIFT, ABOUT, labels=LABELS)
        for key, count in sums.items():
            told.add_metric(key, count)
        return [told] if sums else []


def shared() -> Workers | None:
    """The workers that this process is one of; None where it serves alone."""
    return Workers(_shared[-1]) if _shared else None
