"""Several processes serve one address, and the death of one is no other's."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.relay.processes import Holding, begun, relaying
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import LAST_CHUNK, ask, dialled, streaming, unchunked
from tests.servers import RELAY_KEY, Running, run_relay, running_relay, until

CANARY = "sk-canary-of-the-workers"


def children(pid: int) -> list[int]:
    """The worker processes of a supervisor; the tracker that Python puts beside them is none."""
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    workers = []
    for child in found:
        with suppress(OSError):  # gone since it was listed
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                workers.append(child)
    return workers


def served(root: str) -> bool:
    """Whether a worker that may still be starting answers."""
    try:
        return ask(root, "GET", "/v1/models").body == b"ok"
    except TimeoutError:
        return False


def ready(root: str) -> bool:
    """Whether a worker that may still be starting does answer, without its upstream."""
    try:
        return ask(root, "GET", "/ready").status == 200
    except TimeoutError:
        return False


@contextmanager
def two_workers(directory: Path, base_url: str, **variables: str) -> Iterator[tuple[Running, list[int]]]:
    """A relay of two workers, both of which answer."""
    with relaying(directory, base_url, RELAY_WORKERS="2", **variables) as running:
        until(lambda: len(children(running.process.pid)) == 2)
        workers = children(running.process.pid)
        try:
            for worker in workers:
                with only(worker, workers):
                    until(lambda: ready(running.root), 90)
            yield running, workers
        finally:
            running.process.terminate()
            for worker in workers:  # who holds the log open, should a test fail
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)


@contextmanager
def only(worker: int, workers: list[int]) -> Iterator[None]:
    """Let `worker` alone take connections meanwhile."""
    others = [other for other in workers if other != worker]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def test_a_killed_worker_loses_its_own_streams_and_is_replaced(tmp_path: Path, holding: Holding) -> None:
    with two_workers(tmp_path, holding.faulty.base_url) as (running, workers), ExitStack() as stack:
        killed, kept = workers
        with only(killed, workers):
            lost = begun(stack.enter_context(dialled(running.root, streaming())))
        with only(kept, workers):
            line = begun(stack.enter_context(dialled(running.root, streaming())))
        os.kill(killed, signal.SIGKILL)
        assert unchunked(lost.rest()) == (FIRST, False)
        until(lambda: len(set(children(running.process.pid)) - {killed}) == 2, 30)
        [new] = set(children(running.process.pid)) - {killed, kept}
        holding.released.set()
        assert unchunked(line.until(LAST_CHUNK)) == (FIRST + LAST, True)
        with only(new, [new, kept]):
            until(lambda: served(running.root), 60)
        running.process.terminate()
        assert running.process.wait(20) == 0
    [said] = [line for line in running.lines if "a worker ended" in line]
    assert f"pid={killed}" in said
    assert len([line for line in running.lines if "listening" in line]) == 1


def test_a_signal_to_the_supervisor_drains_every_worker(tmp_path: Path, holding: Holding) -> None:
    with two_workers(tmp_path, holding.faulty.base_url) as (running, workers), ExitStack() as stack:
        lines = []
        for worker in workers:
            with only(worker, workers):
                lines.append(begun(stack.enter_context(dialled(running.root, streaming()))))
        running.process.terminate()
        until(lambda: len([line for line in running.lines if "drain begun" in line]) == 2)
        assert ask(running.root, "GET", "/ready").status == 503
        holding.released.set()
        assert [unchunked(line.rest()) for line in lines] == [(FIRST + LAST, True)] * 2
        assert running.process.wait(20) == 0
    assert not [line for line in running.lines if "Traceback" in line or "a worker ended" in line]


def test_signals_to_the_whole_group_drain_once(tmp_path: Path, holding: Holding) -> None:
    """A terminal sends SIGINT, and a service manager SIGTERM, to every process."""
    with two_workers(tmp_path, holding.faulty.base_url) as (running, workers):
        with dialled(running.root, streaming()) as line:
            begun(line)
            for number in (signal.SIGINT, signal.SIGTERM):
                for worker in workers:
                    os.kill(worker, number)
            running.process.send_signal(signal.SIGINT)
            until(lambda: len([line for line in running.lines if "drain begun" in line]) == 2)
            holding.released.set()
            assert unchunked(line.rest()) == (FIRST + LAST, True)
        assert running.process.wait(20) == 0


def test_a_second_signal_ends_every_worker_at_once(tmp_path: Path, holding: Holding) -> None:
    base_url = holding.faulty.base_url
    with two_workers(tmp_path, base_url, RELAY_DRAIN_SECONDS="600") as (running, _):
        with dialled(running.root, streaming()) as line:
            begun(line)
            running.process.terminate()
            until(lambda: any("drain begun" in line for line in running.lines))
            running.process.terminate()
            content, whole = unchunked(line.rest())
            assert b"relay_draining" in content
            assert not whole
        assert running.process.wait(20) == 0


def test_a_worker_that_is_stopped_alone_drains_and_is_replaced(tmp_path: Path, holding: Holding) -> None:
    with two_workers(tmp_path, holding.faulty.base_url) as (running, workers):
        with only(workers[0], workers), dialled(running.root, streaming()) as line:
            begun(line)
            os.kill(workers[0], signal.SIGTERM)
            until(lambda: any("drain begun" in line for line in running.lines))
            holding.released.set()
            assert unchunked(line.rest()) == (FIRST + LAST, True)
        until(lambda: len(set(children(running.process.pid)) - {workers[0]}) == 2, 30)


def test_workers_drain_when_their_supervisor_is_gone(tmp_path: Path, holding: Holding) -> None:
    with two_workers(tmp_path, holding.faulty.base_url) as (running, workers):
        with dialled(running.root, streaming()) as line:
            begun(line)
            running.process.kill()
            until(lambda: len([line for line in running.lines if "drain begun" in line]) == 2)
            holding.released.set()
            assert unchunked(line.rest()) == (FIRST + LAST, True)
        until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 20)


def test_keys_are_on_no_command_line_and_in_no_environment(tmp_path: Path, holding: Holding) -> None:
    holding.released.set()
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={CANARY}\n")
    given = {"OPENAI_API_BASE": holding.faulty.base_url, "RELAY_KEY": RELAY_KEY}
    with running_relay("serve", "--port", "0", "--workers", "2", directory=tmp_path, **given) as running:
        until(lambda: len(children(running.process.pid)) == 2)
        for worker in children(running.process.pid):
            for file in ("cmdline", "environ"):
                assert CANARY.encode() not in Path(f"/proc/{worker}/{file}").read_bytes()
        assert ask(running.root, "GET", "/v1/models").body == b"ok"
    assert f"authorization: bearer {CANARY}" in holding.faulty.heads[0].decode().lower().replace(
        CANARY.lower(), CANARY
    )


def test_settings_that_a_worker_cannot_use_are_one_line(tmp_path: Path) -> None:
    given = {"RELAY_WORKERS": "3", "RELAY_PORT": "0", "RELAY_BLOCKED_OPERATIONS": "nothingLikeThis"}
    done = run_relay("serve", directory=tmp_path, **given)
    assert done.returncode == 2
    assert done.stderr.startswith("relay: RELAY_BLOCKED_OPERATIONS='nothingLikeThis' is invalid")
    assert len(done.stderr.splitlines()) == 1


def test_a_stop_before_the_first_worker_is_ready_is_no_failure(tmp_path: Path) -> None:
    program = """
import os, signal, relay.serving.workers
start = relay.serving.workers._Supervisor._start
def stopped(supervisor):
    worker = start(supervisor)
    os.kill(os.getpid(), signal.SIGTERM)
    return worker
relay.serving.workers._Supervisor._start = stopped
from relay.commands import main
main()
"""
    with running_relay(
        "serve", "--port", "0", "--workers", "2", directory=tmp_path, program=program
    ) as running:
        assert running.process.wait(30) == 0
