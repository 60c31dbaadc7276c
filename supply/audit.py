"""`python -m supply.audit`: what is publicly known to be wrong with the locked dependencies, by pip-audit.

Exit codes: 0 every one was looked up and nothing is known, 1 something is known, 3 not known: the advisory
service could not be reached, or does not know all of them. pip-audit itself ends with 0 where a mirror says
that it has no package at all, and takes an answer without advisories for one that there are none. So what is
known to be vulnerable is looked up first: of a service that is silent about that, silence says nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

KNOWN, UNKNOWN = 1, 3
# CVE-2019-10906, which every advisory service for Python has had since 2019.
CONTROL = "jinja2==2.10"
_NEVER_READ = "0" * 64
_LINES = 10


class Unreachable(Exception):
    """The advisory service did not answer, or not in full; the text says what came instead."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's docstring for exit codes."""
    parser = argparse.ArgumentParser(prog="python -m supply.audit", description="Audit requirements.lock.")
    parser.add_argument("--lock", type=Path, default=Path("requirements.lock"), help="what to look up")
    parser.add_argument("--osv-url", help="an OSV service to ask (its /v1/query) instead of PyPI")
    given = parser.parse_args(arguments)
    try:
        _ask_for_control(given.osv_url)
        code, lines = judged(_report(given.lock, given.osv_url))
    except Unreachable as error:
        code, lines = UNKNOWN, [f"whether anything is known cannot be told: {error}"]
    for line in lines:
        print(f"audit: {line}", file=sys.stderr if code else sys.stdout)
    return code


def judged(report: dict[str, Any]) -> tuple[int, list[str]]:
    """The exit code, and what to say, of a report as `pip-audit --format json` writes it."""
    dependencies = report["dependencies"]
    skipped = sorted(found["name"] for found in dependencies if "skip_reason" in found)
    lines = [
        f"{found['name']} {found['version']}: {known['id']}{_healed(known['fix_versions'])}"
        for found in dependencies
        for known in found.get("vulns", [])
    ]
    known = bool(lines)
    if skipped or not dependencies:
        total = f"{len(skipped)} of {len(dependencies)} dependencies"
        lines.append(f"not known of {total}: the advisory service lacks {_listed(skipped)}")
    elif not known:
        lines.append(f"{len(dependencies)} dependencies, nothing known against them")
    return KNOWN if known else UNKNOWN if skipped or not dependencies else 0, lines


def _healed(versions: list[str]) -> str:
    return f", mended in {', '.join(versions)}" if versions else ", mended in no version"


def _listed(names: list[str]) -> str:
    more = [f"{len(names) - _LINES} more"] if len(names) > _LINES else []
    return ", ".join([*names[:_LINES], *more]) or "all"


def _ask_for_control(osv_url: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "control.txt"
        file.write_text(f"{CONTROL} --hash=sha256:{_NEVER_READ}\n", encoding="utf-8")
        report = _report(file, osv_url)
    if judged(report)[0] != KNOWN:
        raise Unreachable(
            f"the advisory service knows nothing against {CONTROL}, which is known to be vulnerable"
        )


def _report(file: Path, osv_url: str | None) -> dict[str, Any]:
    """What pip-audit says of a requirements file with hashes, of which it installs nothing."""
    service = ["--vulnerability-service", "osv", "--osv-url", osv_url] if osv_url else []
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--requirement", str(file), *options, *service],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise Unreachable(_last(done.stderr.splitlines())) from None
    return report


def _last(lines: Iterable[str]) -> str:
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else "pip-audit said nothing"


if __name__ == "__main__":
    sys.exit(main())
