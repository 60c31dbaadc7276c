"""Clients leave at every moment, one by one and by the thousand: nothing of theirs stays behind."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faulty import Faulty, misbehaving_here
from tests.relay.test_streams import FIRST
from tests.reliability.leaving import ANSWERED, CALL, FLOOD, SILENT, STREAM, Watch, answer_of, client
from tests.reliability.plugin import Figure
from tests.servers import REAL_KEY, RELAY_KEY, Running, eventually, running_relay

SETTINGS = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY, "RELAY_PORT": "0"}
AT_ONCE = 100
SPARE_DESCRIPTORS = 5


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[tuple[Faulty, Watch, Running]]:
    """A relay in a process of its own, over an upstream in this loop that watches clients leave."""
    watch = Watch()
    faulty = Faulty(watch.script)
    async with misbehaving_here(faulty):
        with running_relay("serve", directory=folder, OPENAI_API_BASE=faulty.base_url, **SETTINGS) as relay:
            assert await answer_of(relay.root, 1) == b"00000001"
            yield faulty, watch, relay
    assert not faulty.failures


def spread(seconds: Iterable[float]) -> str:
    """The median, the 99th percentile and the greatest, in milliseconds."""
    ordered = sorted(seconds)
    picked: Sequence[float] = [ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99, 1)]
    return " / ".join(f"{value * 1000:.1f}" for value in picked) + f" ms of {len(ordered):,}"


@pytest.mark.row("b11")
@pytest.mark.parametrize("count", [30, pytest.param(1_000, marks=pytest.mark.slow)])
async def test_b11_a_client_that_leaves_takes_its_upstream_connection_along(
    tmp_path: Path, figure: Figure, count: int
) -> None:
    async with stage(tmp_path) as (_, watch, relay):
        for case in (STREAM, SILENT, CALL):
            times = [await departure(relay.root, watch, case, number) for number in range(count)]
            figure(
                f"upstream closed after a client left {case}, {count} times: p50 / p99 / max", spread(times)
            )


async def departure(root: str, watch: Watch, case: str, number: int) -> float:
    """Seconds from a client's departure, by a close or by a reset, to the end of its upstream connection."""
    watch.expect(number)
    async with client(root, case, number) as (reader, writer), asyncio.timeout(10):
        await watch.seen[number].wait()
        if case == STREAM:
            await reader.readuntil(FIRST)
        assert not watch.ended[number].done()
        left = asyncio.get_running_loop().time()
        if number % 2:
            writer.close()
        else:
            writer.transport.abort()
        return await watch.ended[number] - left


@pytest.mark.row("b12")
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_b12_cancelled_requests_leave_no_connection_in_use(
    tmp_path: Path, figure: Figure, count: int
) -> None:
    async with stage(tmp_path) as (faulty, _, relay):
        before = descriptors(relay)
        numbers = iter(range(count))
        async with asyncio.TaskGroup() as clients:
            for _ in range(AT_ONCE):
                clients.create_task(come_and_go(relay.root, numbers))
        try:
            await eventually(lambda: faulty.open == 0)
        finally:
            figure("connections in use after cancelled requests", f"{faulty.open} after {count:,}")
        await eventually(lambda: descriptors(relay) <= before + SPARE_DESCRIPTORS)
        assert await answer_of(relay.root, 2) == b"00000002"


def descriptors(relay: Running) -> int:
    """How many the process has open; 0 where the system does not tell."""
    return len(list(Path("/proc").glob(f"{relay.process.pid}/fd/*")))


async def come_and_go(root: str, numbers: Iterable[int]) -> None:
    """Send requests and leave at any moment, some after the first byte; now and then stay for an answer."""
    for number in numbers:
        chance = random.Random(number)  # noqa: S311 - the same run each time
        case = chance.choices([STREAM, SILENT, CALL, FLOOD, ANSWERED], [4, 3, 3, 1, 1])[0]
        if case == ANSWERED:
            assert await answer_of(root, number) == b"%08d" % number
            continue
        async with client(root, case, number) as (reader, _):
            if case in {STREAM, FLOOD} and chance.random() < 0.5:
                await reader.readuntil(FIRST)
            else:
                await asyncio.sleep(chance.random() * 0.05)
