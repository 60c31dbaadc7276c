"""How often a name was seen that the contract lacks, within bounds that no client can push."""

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from prometheus_client import CollectorRegistry

from relay.telemetry.tally import OTHERS, tally

DRIFT = "relay_contract_drift"
LABELS = ("kind", "operation", "name", "answer")
LabelSet: TypeAlias = tuple[str, ...]

_ABOUT = "Requests and streams with a name that the contract lacks, by what the upstream said to it"
_NAMES = 20
_MOST = 500


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
        self._tally = tally(registry, DRIFT, _ABOUT, *LABELS)
        self._most = most
        self._known: set[LabelSet] = set()
        self._names = Counter[tuple[str, str, str]]()
        self._label_sets = Counter[bool]()
        for key in before:
            self._know(key)

    def inc(self, kind: str, operation: str, name: str, answer: str) -> None:
        """Count one name of an operation, whose id is empty where there is none."""
        key: LabelSet = (kind, operation, name, answer)
        if key not in self._known:
            key = self._within(kind, operation, name, answer)
        self._tally[key] += 1

    def _within(self, kind: str, operation: str, name: str, answer: str) -> LabelSet:
        if self._names[kind, operation, answer] >= _NAMES:
            name = OTHERS
        key = (kind, operation, name, answer)
        if key not in self._known and self._label_sets[answer == "accepted"] >= self._most:
            key = (kind, "", OTHERS, answer)
        if key not in self._known:
            self._know(key)
        return key

    def _know(self, key: LabelSet) -> None:
        kind, operation, _, answer = key
        self._known.add(key)
        self._names[kind, operation, answer] += 1
        self._label_sets[answer == "accepted"] += 1
