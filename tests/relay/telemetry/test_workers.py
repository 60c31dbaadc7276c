"""One scrape tells what every worker of a relay has counted, the dead ones among them, and no other relay."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from urllib.request import urlopen

from tests.relay.processes import relaying
from tests.relay.telemetry.drifting import chat, counts_in, drift
from tests.relay.test_workers import children, only, ready, two_workers
from tests.servers import RELAY_KEY, Recorder, Running, recording, until

CHAT = "createChatCompletion"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def upstream() -> Iterator[str]:
    with recording(Recorder()) as base:
        yield base


def folders() -> set[Path]:
    """Where relays of several workers count on this machine."""
    return {found for place in ("/dev/shm", gettempdir()) for found in Path(place).glob("relay-*")}  # noqa: S108


def seen(name: str) -> tuple[str, str, str, str]:
    return "body_field", CHAT, name, "accepted"


def one_and_the_other(running: Running, workers: list[int]) -> None:
    for worker, names in zip(workers, (',"one":1,"both":1', ',"two":1,"both":1'), strict=True):
        with only(worker, workers):
            assert chat(running.root, names).status == 200


SUMS = {seen("one"): 1, seen("two"): 1, seen("both"): 2}


def test_two_workers_are_told_as_one_and_the_dead_are_not_forgotten(tmp_path: Path) -> None:
    before = folders()
    with upstream() as base, two_workers(tmp_path, base) as (running, workers):
        assert drift(running.root) == {}
        one_and_the_other(running, workers)
        until(lambda: drift(running.root) == SUMS)
        for worker in workers:
            with only(worker, workers):
                assert drift(running.root) == SUMS
        [folder] = folders() - before
        assert folder.stat().st_mode & 0o777 == 0o700
        os.kill(workers[0], signal.SIGKILL)
        until(lambda: len(set(children(running.process.pid)) - {workers[0]}) == 2, 30)
        [new] = set(children(running.process.pid)) - set(workers)
        with only(new, [new, workers[1]]):
            until(lambda: ready(running.root), 90)
            assert drift(running.root) == SUMS
            assert chat(running.root, ',"one":1').status == 200
            assert drift(running.root)[seen("one")] == 2
        running.process.terminate()
        assert running.process.wait(20) == 0
        assert not folder.exists()


def test_counts_never_go_back_whichever_worker_tells_them(tmp_path: Path) -> None:
    with upstream() as base, two_workers(tmp_path, base) as (running, workers):
        most = 0.0
        for number in range(30):
            with only(workers[number % 2], workers):
                assert chat(running.root, ',"one":1').status == 200
                now = drift(running.root)[seen("one")]
            assert now >= most
            most = now
        until(lambda: drift(running.root) == {seen("one"): 30})


def test_the_supervisor_tells_what_its_workers_count_on_a_port_of_its_own(tmp_path: Path) -> None:
    with (
        upstream() as base,
        two_workers(tmp_path, base, RELAY_METRICS_PORT="0", RELAY_KEY=RELAY_KEY) as (running, workers),
    ):
        [address] = [found[1] for line in running.lines if (found := re.search(r"url=(\S+)/metrics", line))]
        one_and_the_other(running, workers)
        until(lambda: counts_in(exchange_of(address)) == SUMS)


def exchange_of(address: str) -> str:
    text: str = urlopen(address + "/metrics", timeout=10).read().decode()  # noqa: S310 - of this machine
    return text


def test_relays_on_one_machine_count_apart_and_leave_nothing_behind(tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    given = {FOLDER: str(others)}
    before = folders()
    with (
        upstream() as base,
        two_workers(tmp_path, base, **given) as (one, workers),
    ):
        [folder] = folders() - before
        with two_workers(tmp_path, base, **given) as (other, _):
            for worker in workers:
                with only(worker, workers):
                    assert chat(one.root, ',"one":1').status == 200
            assert chat(other.root, ',"other":1').status == 200
            until(lambda: drift(one.root) == {seen("one"): 2})
            one.process.kill()  # its workers drain, and are the last to leave
            until(lambda: not folder.exists(), 30)
            until(lambda: drift(other.root) == {seen("other"): 1})
    assert not list(others.iterdir())


def test_one_process_uses_no_folder_whoever_else_has_named_one(tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    with upstream() as base, relaying(tmp_path, base, **{FOLDER: str(others)}) as running:
        assert chat(running.root, ',"one":1').status == 200
        assert drift(running.root) == {seen("one"): 1}
    assert not list(others.iterdir())
