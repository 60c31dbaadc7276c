"""Runs of schemathesis against a relay over the sandbox, and what they tell."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers import PROJECT, RELAY_KEY

_OWN = ("--include-tag", "Relay", "--include-path-regex", "^/v1/actions/")
_UPSTREAM = ("--exclude-tag", "Relay", "--exclude-path-regex", "^/v1/actions/")
_KEPT = ("--include-path-regex", "^/v1/(files|uploads|batches|vector_stores|conversations)")
_SECONDS = 1_800  # a bound, no measurement


@dataclass(frozen=True)
class Run:
    """One phase over some operations: `examples` each where the phase draws them.

    The relay under test has that strength of validation: where schemathesis judges what is refused, all is.
    """

    name: str
    phase: str
    operations: tuple[str, ...]
    examples: int = 0
    validation: str = "structural"


# The longest first, because two at a time are run.
RUNS = [
    Run("upstream", "coverage", _UPSTREAM),
    Run("upstream", "fuzzing", _UPSTREAM, 30),
    Run("own", "fuzzing", _OWN, 40, "strict"),
    Run("kept", "stateful", _KEPT, 600),
    Run("own", "coverage", _OWN, validation="strict"),
]
QUICK = [
    Run(
        "upstream",
        "fuzzing",
        (*_UPSTREAM[:2], "--exclude-path-regex", "^/v1/(actions|organization|projects)/"),
        1,
    ),
    Run("own", "coverage", ("--include-tag", "Relay", "--exclude-path-regex", "yaml"), validation="strict"),
    Run("kept", "stateful", _KEPT, 8),
]


@dataclass(frozen=True)
class Told:
    """What came of a run: its exit code, the tool's own report and words, and the explanations it needed."""

    run: Run
    code: int
    report: dict[str, Any]
    text: str
    explained: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        """How many requests were made and answered."""
        return int(self.report.get("test_cases", {}).get("generated", 0))

    @property
    def failures(self) -> dict[str, int]:
        """How many failures of each kind, errors of the run among them."""
        told = [*self.report.get("failures", []), *self.report.get("errors", [])]
        return {str(kind["title"]): int(kind["count"]) for kind in told}


def tried(run: Run, root: str, seed: int | None = None) -> Told:
    """Let schemathesis try `run` at the relay at `root`; a fixed seed makes it the same each time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{root}/openapi.json"]
        report = ["--report", "json", "--report-json-path", str(folder / "report.json")]
        numbers = ["--max-examples", str(run.examples)] if run.examples else []
        numbers += [] if seed is None else ["--seed", str(seed)]
        done = subprocess.run(
            [*command, "--phases", run.phase, *report, *numbers, *run.operations],
            cwd=PROJECT,
            env={**os.environ, **_environment(root, folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        read = {path.stem: json.loads(path.read_bytes() or b"{}") for path in folder.glob("*.json")}
    return Told(run, done.returncode, read.get("report", {}), done.stdout, Counter(read.get("explained", {})))


def _environment(root: str, folder: Path) -> dict[str, str]:
    return {
        "FUZZ_ROOT": root,
        "FUZZ_KEY": RELAY_KEY,
        "FUZZ_EXPLAINED": str(folder / "explained.json"),
        "PYTHONPATH": str(PROJECT),
        "PYTHONWARNINGS": "ignore",
    }
