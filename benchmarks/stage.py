"""Starts the upstream and one contender after the other, each kind on a core of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import process
from benchmarks.contenders import PROJECT, Contender, Place
from benchmarks.driver import Refused, connected
from benchmarks.traffic import Caller, chat_body, chat_request

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.002
_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True)
class Running:
    """A contender that answers, the port of its upstream, and what its start took."""

    pid: int
    port: int
    caller: Caller
    upstream_port: int
    start_seconds: float
    idle_bytes: int


def take_core() -> int:
    """Move this process, and all that it starts, to one core; gives the number of the contenders' core."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[1:2])
    return cores[0]


@contextmanager
def upstream_running() -> Iterator[int]:
    """The upstream, on the driver's core; gives its port."""
    command = [sys.executable, "-m", "benchmarks.upstream"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as upstream:
        assert upstream.stdout is not None
        try:
            yield int(upstream.stdout.readline())
        finally:
            _stop(upstream)


@contextmanager
def running(contender: Contender, upstream_port: int, core: int) -> Iterator[Running]:
    """`contender` on `core`, once it has answered a request; raises Refused with its output."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), _free_port(), f"http://127.0.0.1:{upstream_port}")
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = {**kept, "PYTHONPATH": str(PROJECT), **contender.variables(place)}
        command = ["taskset", "--cpu-list", str(core), *contender.command(place)]
        log = place.folder / "output.log"
        start = time.perf_counter()
        with (
            log.open("wb") as output,
            subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
            ) as started,
        ):
            try:
                caller = contender.caller(place)
                _await_answer(started, place.port, caller, log)
                seconds = time.perf_counter() - start
                idle = process.resident_bytes(started.pid)
                yield Running(started.pid, place.port, caller, upstream_port, seconds, idle)
            finally:
                _stop(started)


def _await_answer(started: subprocess.Popen[bytes], port: int, caller: Caller, log: Path) -> None:
    request = chat_request(chat_body(), caller)
    end = time.monotonic() + _START_SECONDS
    last: Exception | None = None
    while time.monotonic() < end and started.poll() is None:
        try:
            with connected(port) as (connection,):
                connection.exchange(request)
        except (OSError, Refused) as error:
            last = error
            time.sleep(_POLL_SECONDS)
        else:
            return
    raise Refused(f"no answer ({last}); its output: {log.read_text(errors='replace')[-_SHOWN_CHARACTERS:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _stop(started: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    started.terminate()
    try:
        started.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        started.kill()
