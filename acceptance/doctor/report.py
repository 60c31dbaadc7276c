"""The table of `relay doctor`."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from acceptance.doctor.finding import Finding
from acceptance.exits import Exit
from acceptance.report import echo, safe
from acceptance.table import show


def told(findings: Iterable[Finding], keys: tuple[str, ...], *, as_json: bool) -> int:
    """Print what was found, never with one of `keys`; the exit code: 1 where something is wrong."""
    found = [_safe(finding, keys) for finding in findings]
    if as_json:
        echo(json.dumps([asdict(finding) for finding in found], indent=1))
    else:
        show(("check", "state", "seconds", "what was found", "what to do"), map(_cells, found))
        wrong, warnings = (sum(one.state == state for one in found) for state in ("wrong", "warning"))
        echo(f"{len(found)} checks, {wrong} wrong, {warnings} to be looked at")
    return Exit.FOUND if any(one.state == "wrong" for one in found) else Exit.DONE


def _safe(finding: Finding, keys: tuple[str, ...]) -> Finding:
    told, todo = safe(keys, finding.told), safe(keys, finding.todo)
    return Finding(finding.check, finding.state, told, todo, finding.seconds)


def _cells(finding: Finding) -> tuple[str, ...]:
    spent = "" if finding.seconds is None else f"{finding.seconds:.2f}"
    return finding.check, finding.state, spent, finding.told, finding.todo
