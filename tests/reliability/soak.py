"""`make soak`: mixed requests by the ten thousand, and what they leave behind in the relay's process.

REQUESTS says how many (100,000). Prints memory, descriptors and tasks at intervals, each time at rest: nobody
is connected, on either side. The slope is the least-squares line through the memory, without the first fifth
of the requests.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.relay.large import Memory
from tests.relay.wire import ask
from tests.reliability.traffic import Upstream, drive
from tests.servers import REAL_KEY, RELAY_KEY, Running, eventually, running_relay

CLIENTS = 24
INTERVALS = 20
WARM_UP = 0.2
PER = 100_000
_LOOKS = 5

# The relay as it is, which tells the number of its tasks on SIGUSR1.
PROGRAM = """
import asyncio, signal, sys
from relay.cli import main

def tell(*_):
    sys.stderr.write(f"tasks {len(asyncio.all_tasks(asyncio.get_running_loop()))}\\n")
    sys.stderr.flush()

signal.signal(signal.SIGUSR1, tell)
main()
"""


@dataclass(frozen=True)
class Sample:
    """The relay at rest after so many requests: memory in KiB, open descriptors, asyncio tasks."""

    requests: int
    seconds: float
    memory: int
    descriptors: int
    tasks: int


@dataclass
class Soaked:
    """What came of a soak: the samples, the first before any traffic, and the kinds that went wrong."""

    samples: list[Sample] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)

    @property
    def slope(self) -> float:
        """How memory grows, in KiB per 100,000 requests."""
        warm = self.samples[-1].requests * WARM_UP
        points = [(sample.requests, sample.memory) for sample in self.samples if sample.requests >= warm]
        x_mean = sum(x for x, _ in points) / len(points)
        y_mean = sum(y for _, y in points) / len(points)
        spread = sum((x - x_mean) ** 2 for x, _ in points)
        return PER * sum((x - x_mean) * (y - y_mean) for x, y in points) / spread


class _Observed:
    """The relay's process as it is seen from outside."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._process = running.process.pid
        self._start = time.monotonic()
        # An answer shows that the event loop runs, which is to be looked at.
        assert ask(running.root, "GET", "/live").status == 200
        self._level: int | None = None

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self._process}/fd").iterdir()))

    async def _tasks(self) -> int:
        told = len(self._told())
        os.kill(self._process, signal.SIGUSR1)
        await eventually(lambda: len(self._told()) > told)
        return int(self._told()[-1].split()[1])

    def _told(self) -> list[str]:
        return [line for line in self._running.lines if line.startswith("tasks ")]

    async def sample(self, requests: int) -> Sample:
        """Wait until the relay is at rest, or no more than ten seconds, and look at it."""
        with suppress(TimeoutError):  # the sample shows it
            await eventually(lambda: self._level is None or self.descriptors() <= self._level)
        # A request that is over has its task for a moment longer.
        tasks = min([await self._tasks() for _ in range(_LOOKS)])
        descriptors = self.descriptors()
        self._level = descriptors if self._level is None else self._level
        memory = Memory(self._process).now()
        return Sample(requests, time.monotonic() - self._start, memory, descriptors, tasks)


async def soak(requests: int, directory: Path, report: Callable[[Sample], None]) -> Soaked:
    """Send so many requests through `relay serve` in a process of its own; each sample is reported."""
    upstream, soaked = Upstream(), Soaked()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    settings = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY, "RELAY_PORT": "0"}
    with running_relay(
        "serve", directory=directory, program=PROGRAM, OPENAI_API_BASE=address, **settings
    ) as running:
        observed = _Observed(running)
        for number in range(INTERVALS + 1):
            if number:
                size = requests // INTERVALS
                for kind, count in (await drive(running.root, size, CLIENTS, number)).items():
                    soaked.wrong[kind] = soaked.wrong.get(kind, 0) + count
                upstream.rest()
            soaked.samples.append(await observed.sample(number * (requests // INTERVALS)))
            report(soaked.samples[-1])
    server.close()
    return soaked


def _row(sample: Sample) -> None:
    sys.stdout.write(
        f"{sample.requests:>9,}  {sample.seconds:>7.1f}  {sample.memory / 1024:>11.1f}"
        f"  {sample.descriptors:>11}  {sample.tasks:>5}\n"
    )
    sys.stdout.flush()


def main() -> int:
    """Soak, and say what came of it; 1 where a request went otherwise than it should."""
    requests = int(os.environ.get("REQUESTS", "").replace(",", "") or PER)
    sys.stdout.write(
        f"{'requests':>9}  {'seconds':>7}  {'memory, MiB':>11}  {'descriptors':>11}  {'tasks':>5}\n"
    )
    with tempfile.TemporaryDirectory() as directory:
        soaked = asyncio.run(soak(requests, Path(directory), _row))
    sys.stdout.write(f"memory slope: {soaked.slope:+,.0f} KiB per {PER:,} requests\n")
    sys.stdout.write(f"requests that went wrong: {soaked.wrong or 'none'}\n")
    return 1 if soaked.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
