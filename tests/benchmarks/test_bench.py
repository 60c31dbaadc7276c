"""The whole of it, small: that it runs and what it says, never how long anything took."""

import os
import subprocess
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks.contenders import program
from benchmarks.options import Unusable, read_options
from tests.servers import PROJECT

SMALL = {"ROUNDS": "1", "SECONDS": "0.2", "TRANSFER_MIB": "64", "REQUESTS": "10"}
_SECONDS = 300


def bench(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks"],
        cwd=PROJECT,
        env={**os.environ, **SMALL, **variables},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def cells(output: str, name: str) -> list[list[str]]:
    """The rows of one contender, a table each."""
    rows = [line.strip("| ").split(" | ") for line in output.splitlines() if line.startswith("|")]
    return [row[1:] for row in rows if row[0] == name]


def test_every_contender_in_python_is_measured() -> None:
    done = bench(ONLY="start,sse,lone,upload,download,ws,ws-idle", CONTENDERS="bare,usual,relay")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "profile-guided" in done.stdout
    for name in ("bare", "usual", "relay"):
        events, transfers, frames, idle, start = cells(done.stdout, name)
        assert float(events[0]) > 0
        assert float(transfers[0]) > 0
        assert min(float(frames[column]) for column in (0, 2, 4)) > 0
        assert float(idle[0]) > 0
        assert float(start[1].replace(",", "")) > 1


@pytest.mark.skipif(program("nginx") is None or program("wrk") is None, reason="nginx and wrk are needed")
def test_the_relay_is_measured_beside_nginx() -> None:
    done = bench(ONLY="plain,latency,ws", CONTENDERS="nginx,relay")
    assert done.returncode == 0, done.stdout + done.stderr
    plain_and_frames = list(zip(cells(done.stdout, "nginx"), cells(done.stdout, "relay"), strict=True))
    assert len(plain_and_frames) == 2
    for theirs, ours in plain_and_frames:
        assert theirs[1] == "1.00"
        assert float(ours[1]) > 0


def test_a_contender_that_does_not_start_fails_with_what_it_said() -> None:
    done = bench(ONLY="sse", CONTENDERS="bare,relay", RELAY_VALIDATION="none")
    assert done.returncode == 1
    assert "- failed: relay, start: " in done.stdout
    assert "RELAY_VALIDATION" in done.stdout
    assert len(cells(done.stdout, "bare")) == 1


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ONLY": "speed"}, "ONLY=speed is unknown: allowed are start, plain"),
        ({"CONTENDERS": "relay,apache"}, "CONTENDERS=apache is unknown"),
        ({"ROUNDS": "0"}, "ROUNDS=0 is invalid"),
        ({"SECONDS": "soon"}, "SECONDS=soon is invalid"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(variables: dict[str, str], said: str) -> None:
    done = bench(**variables)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "program", lambda name: None if name == "wrk" else name)
    with pytest.raises(Unusable, match=r"wrk missing: apt-get install wrk"):
        command._prepare(read_options(["plain"], ["nginx"], []))
