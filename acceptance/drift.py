"""What `relay drift` does: asks a relay what its traffic has that its contract lacks, and prints it."""

import json
from collections import Counter
from dataclasses import asdict, dataclass

from prometheus_client.parser import text_string_to_metric_families

from acceptance.answer import Answer, Unmet, equal
from acceptance.client import Client, Target
from acceptance.exits import Exit, Unreachable
from acceptance.report import echo, safe

_SAMPLE = "relay_contract_drift_total"
_ANSWERS = ("accepted", "refused", "unanswered")
_HEAD = ("kind", "operation", "name", *_ANSWERS)


@dataclass(frozen=True, slots=True)
class Row:
    """A name, and how often it was seen by what the upstream said to it."""

    kind: str
    operation: str
    name: str
    accepted: int
    refused: int
    unanswered: int


def run(target: Target, *, as_json: bool) -> int:
    """Print what the relay has seen since it started; 1 where the upstream accepted some of it, else 0.

    Raises Unreachable where the relay cannot be asked.
    """
    try:
        with Client(target) as client:
            rows = counted(client.send("GET", "//metrics").succeeded())
    except Unmet as unmet:
        told = f"expected {unmet.expected}, came {unmet.came}"
        raise Unreachable(safe(target.key, told)) from None
    if as_json:
        echo(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        _print(rows, target.key)
    return Exit.FOUND if any(row.accepted for row in rows) else Exit.DONE


def counted(answer: Answer) -> list[Row]:
    """The counts in an answer of `/metrics`, what was accepted most often first; raises Unmet."""
    equal(f"{answer.request}: the media type", answer.media_type, "text/plain")
    found: dict[tuple[str, str, str], Counter[str]] = {}
    try:
        for family in text_string_to_metric_families(answer.body.decode()):
            for sample in (sample for sample in family.samples if sample.name == _SAMPLE):
                labels = sample.labels
                key = labels["kind"], labels["operation"], labels["name"]
                found.setdefault(key, Counter())[labels["answer"]] += int(sample.value)
    except (ValueError, LookupError, OverflowError) as error:
        raise Unmet(f"{answer.request}: counters in Prometheus' text format", repr(error)) from None
    rows = [Row(*key, *(counts[name] for name in _ANSWERS)) for key, counts in found.items()]
    return sorted(rows, key=lambda row: (-row.accepted, -row.refused - row.unanswered, row.kind, row.name))


def _print(rows: list[Row], key: str) -> None:
    if not rows:
        echo("no drift seen since it started")
        return
    table = [_HEAD, *(tuple(safe(key, str(cell)) for cell in asdict(row).values()) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEAD))]
    for line in table:
        words = [cell.ljust(width) for cell, width in zip(line[:3], widths, strict=False)]
        numbers = [cell.rjust(width) for cell, width in zip(line[3:], widths[3:], strict=True)]
        echo("  ".join([*words, *numbers]))
    if any(row.accepted for row in rows):
        echo("the upstream takes what the contract lacks: make vendor regen")
