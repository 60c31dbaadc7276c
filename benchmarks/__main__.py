"""`make bench`: measure the contenders in rounds, side by side, and print tables.

Options, from the environment: ONLY (groups of figures), CONTENDERS, ROUNDS, SECONDS (of each load).
Exit codes: 0 done, 2 an option or this machine cannot be used.
"""

import os
import resource
import sys

from benchmarks.contenders import CONTENDERS, Contender, program
from benchmarks.figures import GROUPS
from benchmarks.stage import running, take_core, upstream_running
from benchmarks.table import Results, tables

_NEEDED = ("nginx", "wrk", "taskset")
_ROUNDS = 3
_SECONDS = 3.0


class Unusable(Exception):
    """An option or a machine that cannot be used; the message is one line."""


def main() -> None:
    """Measure, and print."""
    try:
        core = _prepare()
        groups = _chosen("ONLY", list(GROUPS))
        names = _chosen("CONTENDERS", [contender.name for contender in CONTENDERS])
        rounds, seconds = int(_number("ROUNDS", _ROUNDS)), _number("SECONDS", _SECONDS)
    except Unusable as error:
        sys.stderr.write(f"bench: {error}\n")
        sys.exit(2)
    contenders = [contender for contender in CONTENDERS if contender.name in names]
    results: Results = {contender.name: {} for contender in contenders}
    with upstream_running() as upstream_port:
        for turn in range(rounds):
            first = turn % len(contenders)
            for contender in contenders[first:] + contenders[:first]:
                _say(f"round {turn + 1} of {rounds}: {contender.name}")
                _measure(contender, upstream_port, core, groups, seconds, results[contender.name])
    sys.stdout.write(tables(results))


def _measure(
    contender: Contender,
    upstream_port: int,
    core: int,
    groups: list[str],
    seconds: float,
    figures: dict[str, list[float]],
) -> None:
    with running(contender, upstream_port, core) as server:
        for group in groups:
            for name, value in GROUPS[group](server, seconds).items():
                figures.setdefault(name, []).append(value)


def _prepare() -> int:
    """Make this process fit to drive; the contenders' core. Raises Unusable."""
    missing = [name for name in _NEEDED if program(name) is None]
    if missing:
        raise Unusable(f"needs {', '.join(missing)}: apt-get install nginx-light wrk util-linux")
    if len(os.sched_getaffinity(0)) == 1:
        raise Unusable("needs two cores: one for the contender, one for the rest")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return take_core()


def _chosen(variable: str, known: list[str]) -> list[str]:
    given = os.environ.get(variable) or ",".join(known)
    names = [name.strip() for name in given.split(",")]
    if unknown := [name for name in names if name not in known]:
        raise Unusable(f"{variable}={','.join(unknown)} is unknown: allowed are {', '.join(known)}")
    return names


def _number(variable: str, default: float) -> float:
    given = os.environ.get(variable) or str(default)
    try:
        number = float(given)
    except ValueError:
        number = 0
    if number <= 0:
        raise Unusable(f"{variable}={given} is invalid: allowed is a number over 0")
    return number


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
