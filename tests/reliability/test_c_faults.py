"""Faults by the thousand, at any byte of an answer: none of them loses anything without a sign."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.relay.test_streams import FIRST
from tests.relay.wire import LAST_CHUNK, chunk
from tests.reliability.plugin import Figure
from tests.reliability.stage import relay_process
from tests.reliability.sweep import (
    ANSWERS,
    EXACT,
    FAULTS,
    HUNG,
    LOST,
    SIGNALLED,
    Fault,
    Sweep,
    faults,
    outcome,
)

AT_ONCE = 50


@pytest.mark.row("c18")
@pytest.mark.parametrize("each", [15, pytest.param(250, marks=pytest.mark.slow)])
async def test_c18_no_fault_loses_anything_in_silence(tmp_path: Path, figure: Figure, each: int) -> None:
    sweep = Sweep(list(faults(each)))
    outcomes: dict[int, str] = {}

    async def work(root: str, numbers: Iterator[int]) -> None:
        for number in numbers:
            outcomes[number] = await sweep.outcome(root, number)

    async with relay_process(sweep.script, tmp_path, RELAY_TIMEOUT="1") as (_, relay):
        numbers = iter(range(len(sweep.faults)))
        async with asyncio.TaskGroup() as clients:
            for _ in range(AT_ONCE):
                clients.create_task(work(relay.root, numbers))
    counts = Counter(outcomes.values())
    told = ", ".join(f"{counts[name]:,} {name}" for name in (EXACT, SIGNALLED, LOST, HUNG))
    figure("faults injected into answers", f"{len(outcomes):,}: {told}")
    wrong = [sweep.faults[number] for number, name in outcomes.items() if name in {LOST, HUNG}]
    assert [(fault.kind, fault.what, fault.at, fault.noise) for fault in wrong] == []
    untouched = [number for number, fault in enumerate(sweep.faults) if fault.said == ANSWERS[fault.kind]]
    assert {outcomes[number] for number in untouched} == {EXACT}
    assert counts[SIGNALLED] > len(outcomes) / 2


WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

ERROR = b'\nevent: error\ndata: {"error": {"message": "it broke"}}\n\n'


@pytest.mark.row("c18")
@pytest.mark.parametrize(
    ("kind", "at", "received", "expected"),
    [
        ("json", 10_000, ANSWERS["json"], EXACT),
        ("json", 500, ANSWERS["json"], LOST),
        ("json", 500, ANSWERS["json"][:500], SIGNALLED),
        ("json", 500, ANSWERS["json"][:501], LOST),
        ("json", 500, ANSWERS["json"][:400] + b"other", LOST),
        ("json", 500, WHOLE, LOST),
        ("json", 500, b"", SIGNALLED),
        ("json", 500, None, HUNG),
        ("events", 400, EVENTS + b"0\r\n\r\n", LOST),
        ("events", 400, EVENTS, SIGNALLED),
        ("events", 330, EVENTS + chunk(FIRST + FIRST + b"da") + chunk(ERROR), SIGNALLED),
        ("events", 330, EVENTS + chunk(FIRST + b"other") + chunk(ERROR), LOST),
        ("events", 330, EVENTS + chunk(FIRST) + chunk(ERROR) + LAST_CHUNK, LOST),
        ("events until the close", 400, ANSWERS["events until the close"][:400], LOST),
    ],
)
def test_c18_a_loss_would_be_seen(kind: str, at: int, received: bytes | None, expected: str) -> None:
    """The judge of the test above, judged."""
    assert outcome(Fault(kind, FAULTS[1], at, b""), received) == expected
