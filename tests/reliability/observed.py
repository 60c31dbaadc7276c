"""The relay's process seen from outside: memory, descriptors and tasks, and how its memory grows."""

import contextlib
import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.relay.large import Memory
from tests.relay.wire import ask
from tests.servers import Running, eventually

PER = 100_000
WARM_UP = 0.2
_LOOKS = 5
_REST_SECONDS = 10
_ASKED, _ANSWER_SECONDS = 10, 2

# The relay as it is, which tells the number of its tasks on SIGUSR1.
PROGRAM = """
import asyncio, os, signal
from relay.commands import main

def tell(*_):
    # Not by sys.stderr, which the relay may be writing a line to just now.
    os.write(2, b"tasks %d\\n" % len(asyncio.all_tasks(asyncio.get_running_loop())))

signal.signal(signal.SIGUSR1, tell)
main()
"""


@dataclass(frozen=True)
class Sample:
    """The relay after so many requests or frames: memory in KiB, open descriptors, asyncio tasks."""

    count: int
    seconds: float
    memory: int
    descriptors: int
    tasks: int

    def held_over(self, other: "Sample") -> bool:
        """Whether there are descriptors or tasks that `other` had not."""
        return self.descriptors > other.descriptors or self.tasks > other.tasks


def slope(samples: Sequence[Sample]) -> float:
    """How memory grows, in KiB per 100,000: the least-squares line, without the first fifth; nan for none."""
    warm = samples[0].count + (samples[-1].count - samples[0].count) * WARM_UP
    points = [(sample.count, sample.memory) for sample in samples if sample.count >= warm]
    x_mean = sum(x for x, _ in points) / len(points)
    y_mean = sum(y for _, y in points) / len(points)
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    return PER * sum((x - x_mean) * (y - y_mean) for x, y in points) / spread if spread else math.nan


class Observed:
    """A relay that was started with `PROGRAM`."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._process = running.process.pid
        self._start = time.monotonic()
        # An answer shows that the event loop runs, which is to be looked at.
        assert ask(running.root, "GET", "/live").status == 200
        self._rest: Sample | None = None

    def _descriptors(self) -> int:
        return len(list(Path(f"/proc/{self._process}/fd").iterdir()))

    async def _tasks(self) -> int:
        told = len(self._told())
        for _ in range(_ASKED):
            os.kill(self._process, signal.SIGUSR1)
            with contextlib.suppress(TimeoutError):
                await eventually(lambda: len(self._told()) > told, _ANSWER_SECONDS)
                return int(self._told()[-1].split()[1])
        raise TimeoutError("the relay does not tell its tasks")

    def _told(self) -> list[str]:
        return [line for line in self._running.lines if line.startswith("tasks ")]

    async def look(self, count: int) -> Sample:
        """The relay as it is now."""
        # A request that is over has its task for a moment longer.
        tasks = min([await self._tasks() for _ in range(_LOOKS)])
        memory = Memory(self._process).now()
        return Sample(count, time.monotonic() - self._start, memory, self._descriptors(), tasks)

    async def at_rest(self, count: int) -> Sample:
        """Look at the relay once it is as it was at the first call, or after ten seconds."""
        end = time.monotonic() + _REST_SECONDS
        sample = await self.look(count)
        self._rest = self._rest or sample
        while sample.held_over(self._rest) and time.monotonic() < end:
            sample = await self.look(count)
        return sample


def heading(counted: str) -> None:
    """Print the head of a table of samples."""
    _say(f"{counted:>9}  {'seconds':>7}  {'memory, MiB':>11}  {'descriptors':>11}  {'tasks':>5}")


def row(sample: Sample) -> None:
    """Print a sample."""
    _say(
        f"{sample.count:>9,}  {sample.seconds:>7.1f}  {sample.memory / 1024:>11.1f}"
        f"  {sample.descriptors:>11}  {sample.tasks:>5}"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
