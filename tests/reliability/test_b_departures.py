"""Clients leave at every moment, one by one and by the thousand: nothing of theirs stays behind."""

import asyncio
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.relay.test_streams import FIRST
from tests.reliability.leaving import ANSWERED, CALL, FLOOD, SILENT, STREAM, Watch, answer_of, client
from tests.reliability.plugin import Figure
from tests.reliability.stage import milliseconds, relay_process
from tests.servers import Running, eventually

AT_ONCE = 100
SPARE_DESCRIPTORS = 5


@pytest.mark.row("b11")
@pytest.mark.parametrize("count", [30, pytest.param(1_000, marks=pytest.mark.slow)])
async def test_b11_a_client_that_leaves_takes_its_upstream_connection_along(
    tmp_path: Path, figure: Figure, count: int
) -> None:
    watch = Watch()
    async with relay_process(watch.script, tmp_path) as (_, relay):
        for case in (STREAM, SILENT, CALL):
            times = [await departure(relay.root, watch, case, number) for number in range(count)]
            figure(
                f"from a client's leaving {case} to the upstream's close, p50 / p99 / max",
                milliseconds(times),
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
    async with relay_process(Watch().script, tmp_path) as (faulty, relay):
        assert await answer_of(relay.root, 1) == b"00000001"
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
