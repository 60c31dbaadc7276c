"""`python -m tests.fuzz.contract [--seed N] [--only NAME]`: every run of schemathesis, and what came of it.

Exit code 1 where a check failed that nothing explains, where the relay or the sandbox logged an error, where
an explanation is not needed any more, or where there were fewer cases than there have to be.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.contract.explained import EXPLAINED
from tests.fuzz.contract.runs import RUNS, Run, Told, tried
from tests.servers import RELAY_KEY, Running, running_relay

LEAST = 50_000
_SIDE_BY_SIDE = 2


@contextmanager
def relay(validation: str) -> Iterator[Running]:
    """A relay over the sandbox in a process of its own, which forwards the administration too."""
    settings = {
        "RELAY_KEY": RELAY_KEY,
        "RELAY_PORT": "0",
        "RELAY_VALIDATION": validation,
        "RELAY_BLOCKED_OPERATIONS": "",
    }
    with (
        tempfile.TemporaryDirectory() as name,
        running_relay("serve", "--sandbox", directory=Path(name), **settings) as running,
    ):
        yield running


def told_of(run: Run, seed: int | None) -> Told:
    """What came of `run` against a relay of its own; a bug that this one logged is a failure too."""
    began = time.monotonic()
    with relay(run.validation) as running:
        told = tried(run, running.root, seed)
    bugs = [line for line in running.lines if "[error" in line]
    counts = (
        f"{told.cases:10,} cases{sum(told.failures.values()):6} failures{told.explained.total():8,} explained"
    )
    seconds = time.monotonic() - began
    _say(f"{run.name:10}{run.phase:10}{counts}{seconds:7.0f} s, seed {told.report.get('seed')}")
    if told.code or bugs:
        _say("\n".join([told.text, *bugs]))
    return Told(run, told.code or len(bugs), told.report, told.text, told.explained)


def wrong(told: Iterable[Told]) -> list[str]:
    """What is wrong with all runs together, a line each."""
    told = list(told)
    used = sum((one.explained for one in told), Counter[str]())
    cases = sum(one.cases for one in told)
    lines = [f"{one.run.name} {one.run.phase}: {one.failures or one.code}" for one in told if one.code]
    lines += [f"not needed any more: {row.name}" for row in EXPLAINED if row.name not in used]
    return lines + ([f"{cases:,} cases, fewer than {LEAST:,}"] if cases < LEAST else [])


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's docstring for exit codes."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.contract", description=__doc__)
    parser.add_argument("--seed", type=int, help="of a run that is to be repeated")
    parser.add_argument(
        "--only", choices=dict.fromkeys(run.name for run in RUNS), help="the runs of this name"
    )
    given = parser.parse_args(arguments)
    runs = [run for run in RUNS if given.only in (None, run.name)]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        told = list(pool.map(lambda run: told_of(run, given.seed), runs))
    used = sum((one.explained for one in told), Counter[str]())
    for row in EXPLAINED:
        _say(f"explained {used[row.name]:6,} times: {row.name}: {row.why}")
    _say(f"{sum(one.cases for one in told):,} cases")
    found = wrong(told) if given.only is None else [one.run.phase for one in told if one.code]
    _say("\n".join(found) or "nothing is wrong that is not explained")
    return 1 if found else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - it is what the command tells


if __name__ == "__main__":
    sys.exit(main())
