"""j. WebSockets by the hundred: what is said on them comes back, and nothing is left of them."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.observed import Sample
from tests.reliability.plugin import Figure
from tests.reliability.sessions import Held, Session, Tally, converse
from tests.servers import PROJECT

SAID = ("first", b"second", "third")
CALM = Sample(count=0, seconds=0, memory=90_000, descriptors=14, tasks=2)
_SECONDS = 300  # a bound, no measurement


def soak(minutes: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.reliability.soak"],
        cwd=PROJECT,
        env={**os.environ, "REQUESTS": "0", "MINUTES": minutes, **variables},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


@pytest.mark.row("j46")
@pytest.mark.parametrize("minutes", ["0.02", pytest.param("1", marks=pytest.mark.slow)])
def test_j46_hundreds_of_websockets_lose_nothing_and_leave_nothing(figure: Figure, minutes: str) -> None:
    done = soak(minutes)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = re.search(r"^messages on 500 WebSockets: (\S+) sent, (\S+) back$", done.stdout, re.MULTILINE)
    assert counted is not None
    assert counted[1] == counted[2]
    assert int(counted[1].replace(",", "")) > 500
    assert "\nlost: 0; out of order: 0; altered or repeated: 0\n" in done.stdout
    figure(f"messages on 500 WebSockets in {minutes} minutes; lost", f"{counted[1]}; 0")
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    for name in ("there and back, median / 99th percentile / longest", "memory slope while they were open"):
        figure(f"500 WebSockets, {name}", told[name])


@pytest.mark.row("j46")
def test_j46_a_soak_whose_websockets_are_refused_fails() -> None:
    done = soak("0.01", RELAY_REALTIME_WS_ENABLED="false")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "\nmessages on 500 WebSockets: " in done.stdout
    assert "\nWebSockets that ended otherwise than they should: {" in done.stdout


@pytest.mark.row("j46")
def test_j46_every_kind_of_websocket_is_among_few(tmp_path: Path) -> None:
    samples: list[Sample] = []
    held = asyncio.run(converse(10, 1, tmp_path, samples.append))
    assert held.clean
    assert held.tally.sent == held.tally.back == len(held.tally.seconds)
    assert {sample.descriptors - held.before.descriptors for sample in held.samples} == {20}
    assert samples == [held.before, *held.samples, held.after]


@pytest.mark.row("j46")
@pytest.mark.parametrize(
    ("heard", "found"),
    [
        ((0, 1, 2), (0, 0, 0)),
        ((0, 2), (1, 0, 0)),
        ((), (3, 0, 0)),
        ((1, 0, 2), (0, 1, 0)),
        ((2, 1, 0), (0, 2, 0)),
        ((0, 0, 1, 2), (0, 0, 1)),
    ],
)
def test_j46_the_soak_counts_what_is_lost_overtaken_or_repeated(
    heard: tuple[int, ...], found: tuple[int, int, int]
) -> None:
    tally = Tally()
    session = Session(1, tally)
    for said in SAID:
        session.sends(said)
    for number in heard:
        session.hears(SAID[number])
    assert (session.left, tally.out_of_order, tally.strange) == found


@pytest.mark.row("j46")
def test_j46_the_soak_counts_what_is_altered() -> None:
    tally = Tally()
    session = Session(1, tally)
    session.sends("text")
    session.hears(b"text")
    assert (session.left, tally.strange) == (1, 1)


@pytest.mark.row("j46")
@pytest.mark.parametrize(
    ("tally", "tasks"),
    [
        (Tally(lost=1), 2),
        (Tally(out_of_order=1), 2),
        (Tally(strange=1), 2),
        (Tally(ended={"closed with 1011": 1}), 2),
        (Tally(), 3),
    ],
)
def test_j46_a_soak_fails_for_whatever_went_wrong(tally: Tally, tasks: int) -> None:
    after = Sample(count=1, seconds=1, memory=90_000, descriptors=14, tasks=tasks)
    assert not Held(CALM, after, [], tally).clean
    assert Held(CALM, CALM, [], Tally()).clean
