"""What differs at one place, and the reason where it is meant to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

NOTHING = "(nothing)"
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, at a place such as `choices[0].message.content`.

    `expected` is why it is meant to be there; empty: it is not.
    """

    place: str
    direct: str
    relayed: str
    expected: str = ""

    @property
    def pattern(self) -> str:
        """The place whatever the indices in it."""
        return _INDEX.sub("[]", self.place)


def told(findings: Iterable[Finding], noise: set[str]) -> list[Finding]:
    """`findings`, those at a place in `noise` marked as expected, and expected ones that are alike told once.

    `noise` are patterns of places where direct answers differ from each other.
    """
    kept: dict[tuple[str, str], Finding] = {}
    more: dict[tuple[str, str], int] = {}
    for finding in findings:
        reason = finding.expected
        if not reason and finding.pattern in noise:
            reason = "two direct answers differ here too"
        marked = Finding(finding.place, finding.direct, finding.relayed, reason)
        # A difference is told at each place: which one it is, is the answer.
        key = (marked.pattern, reason) if reason else (marked.place, "")
        more[key] = more.get(key, -1) + 1
        kept.setdefault(key, marked)
    return [_counted(finding, more[key]) for key, finding in kept.items()]


def _counted(finding: Finding, more: int) -> Finding:
    place = f"{finding.place} and {more} more" if more else finding.place
    return Finding(place, finding.direct, finding.relayed, finding.expected)
