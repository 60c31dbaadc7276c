"""Counters as plain numbers, told in Prometheus' format when asked for, and bounds to their labels."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics_core import CounterMetricFamily

Counts: TypeAlias = Counter[tuple[str, ...]]

OTHERS = "(others)"
_USABLE = re.compile(r"[A-Za-z0-9(][A-Za-z0-9._:/()-]{0,95}")


class _Collector:
    def __init__(self, family: tuple[str, str, tuple[str, ...]], counts: Counts) -> None:
        self._family = family
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        name, about, labels = self._family
        family = CounterMetricFamily(name, about, labels=labels)
        for key, count in dict(self._counts).items():
            family.add_metric(key, count)
        return [family]


def tally(registry: CollectorRegistry, name: str, about: str, *labels: str) -> Counts:
    """Counts by label set, told by `registry` as the counter `name` (with `_total` after it).

    To count, `counts[operation, status] += 1`, costs a tenth of what the library's own counter does.
    """
    counts: Counts = Counter()
    registry.register(_Collector((name, about, labels), counts))
    return counts


class Names:
    """Which names of an upstream's become labels: `most` of them, if they look like it; else `(others)`.

    `before` are those that the process goes on from.
    """

    def __init__(self, most: int, before: Iterable[str] = ()) -> None:
        self._most = most
        self._known = {*before, OTHERS}

    def __call__(self, name: str) -> str:
        """`name`, or what it counts as."""
        if name in self._known:
            return name
        if len(self._known) > self._most or not _USABLE.fullmatch(name):
            return OTHERS
        self._known.add(name)
        return name
