"""One scrape tells what every worker of a relay has counted, the dead ones among them, and no other relay."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.relay.drifting import chat, drift
from tests.relay.processes import relaying
from tests.relay.test_workers import children, only, ready, two_workers
from tests.servers import PROJECT, Recorder, recording, until

CHAT = "createChatCompletion"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def upstream() -> Iterator[str]:
    with recording(Recorder()) as base:
        yield base


def folder_of(worker: int) -> Path:
    """Where a process counts, by the files that it has mapped."""
    mapped = Path(f"/proc/{worker}/maps").read_text()
    [path] = set(re.findall(r"/\S*\.db$", mapped, re.MULTILINE))
    return Path(path).parent


def seen(name: str) -> tuple[str, str, str, str]:
    return "body_field", CHAT, name, "accepted"


def test_two_workers_are_told_as_one_and_the_dead_are_not_forgotten(tmp_path: Path) -> None:
    with upstream() as base, two_workers(tmp_path, base) as (running, workers):
        assert drift(running.root) == {}
        for worker, names in zip(
            workers, ((',"one":1', ',"both":1'), (',"two":1', ',"both":1')), strict=True
        ):
            with only(worker, workers):
                assert chat(running.root, "".join(names)).status == 200
        sums = {seen("one"): 1, seen("two"): 1, seen("both"): 2}
        for worker in workers:
            with only(worker, workers):
                assert drift(running.root) == sums
        folder = folder_of(workers[0])
        assert folder == folder_of(workers[1])
        assert folder.stat().st_mode & 0o777 == 0o700
        os.kill(workers[0], signal.SIGKILL)
        until(lambda: len(set(children(running.process.pid)) - {workers[0]}) == 2, 30)
        [new] = set(children(running.process.pid)) - set(workers)
        with only(new, [new, workers[1]]):
            until(lambda: ready(running.root), 60)
            assert drift(running.root) == sums
            assert chat(running.root, ',"one":1').status == 200
            assert drift(running.root)[seen("one")] == 2
        assert len(list(folder.glob("*.db"))) == 2
        running.process.terminate()
        assert running.process.wait(20) == 0
        assert not folder.exists()


def test_relays_on_one_machine_count_apart_and_leave_nothing_behind(tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    given = {FOLDER: str(others)}
    with (
        upstream() as base,
        two_workers(tmp_path, base, **given) as (one, workers),
        two_workers(tmp_path, base, **given) as (other, _),
    ):
        for worker in workers:
            with only(worker, workers):
                assert chat(one.root, ',"one":1').status == 200
        assert chat(other.root, ',"other":1').status == 200
        assert drift(one.root) == {seen("one"): 2}
        folder = folder_of(workers[0])
        one.process.kill()  # its workers drain, and are the last to leave
        until(lambda: not folder.exists(), 30)
        assert drift(other.root) == {seen("other"): 1}
    assert not list(others.iterdir())


_WITHOUT_FOLDER = """
import shutil, sys
from relay.metrics import Metrics
from relay.serving.counters import share

share(sys.argv[1], 0)
metrics = Metrics()
metrics.drift.inc("path", "", "/a", "accepted")
told = metrics.exposition()
shutil.rmtree(sys.argv[1])
for name in ("/a", "/b"):
    metrics.drift.inc("path", "", name, "accepted")
print(len(told), metrics.exposition())
"""


@pytest.mark.parametrize("first", ["metrics.drift", "#"], ids=["in use", "not in use yet"])
def test_a_folder_that_is_gone_costs_nobody_a_request(tmp_path: Path, first: str) -> None:
    folder = tmp_path / "counts"
    folder.mkdir()
    program = _WITHOUT_FOLDER.replace("metrics.drift", first, 1)
    command = [sys.executable, "-c", program, str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    assert re.fullmatch(r"[1-9]\d* b''\n" if "drift" in first else r"0 b''\n", done.stdout)


def test_one_process_uses_no_folder_whoever_else_has_named_one(tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    with upstream() as base, relaying(tmp_path, base, **{FOLDER: str(others)}) as running:
        assert chat(running.root, ',"one":1').status == 200
        assert drift(running.root) == {seen("one"): 1}
    assert not list(others.iterdir())
