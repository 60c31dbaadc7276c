"""`make bench`: measure the contenders in rounds, side by side, and print tables.

    ONLY=plain,sse          groups of figures: start, plain, latency, sse, lone, upload,
                            download, ws, ws-idle; of the relay alone: streams, routes, age
    CONTENDERS=relay,nginx  who is measured: nginx, bare, usual, relay, and the peers
    PEERS=1                 the peers too; they are installed into a cache folder
    ROUNDS=1 SECONDS=2      the medians are of so many rounds, each load takes so long
    TRANSFER_MIB=512        how large a file is sent and fetched
    REQUESTS=1000000        what makes the relay old
    RELAY_TRANSPORT=…       passed on to the relay, like RELAY_VALIDATION, LOG_FORMAT and their like

Exit codes: 0 done, 1 a contender failed, 2 an option or this machine cannot be used.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import scale, sessions
from benchmarks.contenders import CONTENDERS, Contender, program
from benchmarks.driver import Refused
from benchmarks.figures import GROUPS, Figures
from benchmarks.machine import facts
from benchmarks.options import Options, Unusable, read_options
from benchmarks.peers import PEERS
from benchmarks.stage import Running, running, take_core, upstream_running
from benchmarks.table import NOTES, Results, tables

_WRK_GROUPS = {"plain", "latency", "routes", "age"}
_OURS = "relay"
_AGE = "age"


Groups = dict[str, Callable[[Running, Options], Figures]]


class Bench:
    """One run: its options, and what it has found so far."""

    def __init__(self, options: Options, core: int, upstream_port: int) -> None:
        self._options = options
        self._core = core
        self._upstream_port = upstream_port
        self.contenders = [c for c in (*CONTENDERS, *PEERS) if c.name in options.contenders]
        self.results: Results = {contender.name: {} for contender in self.contenders}
        self.failures: dict[tuple[str, str], str] = {}

    def run(self) -> None:
        """Measure everyone in each round, each round beginning with another."""
        for turn in range(self._options.rounds):
            first = turn % len(self.contenders)
            for contender in self.contenders[first:] + self.contenders[:first]:
                if (contender.name, "start") in self.failures:
                    continue
                _say(f"round {turn + 1} of {self._options.rounds}: {contender.name}")
                self._measure(contender, self._groups(contender))
        if _AGE in self._options.groups and _OURS in self.results:
            _say(f"{self._options.requests:,} requests: {_OURS}")
            self._measure(next(c for c in self.contenders if c.name == _OURS), {_AGE: scale.age})

    def _groups(self, contender: Contender) -> Groups:
        known = GROUPS | (sessions.GROUPS if contender.websockets else {})
        known |= scale.GROUPS if contender.name == _OURS else {}
        return {name: known[name] for name in self._options.groups if name in known}

    def _measure(self, contender: Contender, groups: Groups) -> None:
        figures = self.results[contender.name]
        with self._noting(contender, "start"), running(contender, self._upstream_port, self._core) as server:
            for group, measure in groups.items():
                if (contender.name, group) not in self.failures:
                    with self._noting(contender, group):
                        for name, value in measure(server, self._options).items():
                            figures.setdefault(name, []).append(value)

    @contextmanager
    def _noting(self, contender: Contender, group: str) -> Iterator[None]:
        """Note that the block failed, and why."""
        try:
            yield
        except (Refused, OSError, subprocess.SubprocessError) as error:
            self.failures[contender.name, group] = str(error)


def main() -> None:
    """Measure, and print."""
    try:
        options = read_options(
            [*GROUPS, *sessions.GROUPS, *scale.GROUPS, _AGE],
            [c.name for c in CONTENDERS],
            [c.name for c in PEERS],
        )
        core = _prepare(options)
    except Unusable as error:
        sys.stderr.write(f"bench: {error}\n")
        sys.exit(2)
    # The load of the machine is read before it is ours.
    lines = [facts()]
    with upstream_running() as upstream_port:
        bench = Bench(options, core, upstream_port)
        bench.run()
    lines += ["".join(f"- {c.name}: {c.about}\n" for c in bench.contenders), tables(bench.results), NOTES]
    lines += ["".join(f"- failed: {', '.join(what)}: {why}\n" for what, why in bench.failures.items())]
    sys.stdout.write("\n".join(line for line in lines if line))
    sys.exit(1 if bench.failures else 0)


def _prepare(options: Options) -> int:
    """Make this process fit to drive; the contenders' core. Raises Unusable."""
    needed = {"taskset": "util-linux"}
    if "nginx" in options.contenders:
        needed["nginx"] = "nginx-light"
    if _WRK_GROUPS & set(options.groups):
        needed["wrk"] = "wrk"
    if missing := sorted(name for name in needed if program(name) is None):
        packages = " ".join(needed[name] for name in missing)
        raise Unusable(f"{' and '.join(missing)} missing: apt-get install {packages}")
    if len(os.sched_getaffinity(0)) == 1:
        raise Unusable("needs two cores: one for the contender, one for the rest")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return take_core()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
