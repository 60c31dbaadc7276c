"""Relays of several processes on ports of their own, and a balancer that runs a file of deploy/ in front."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.relay.wire import ask
from tests.servers import PROJECT, RELAY_KEY, running_relay, until

DEPLOY = PROJECT / "deploy"
_START_SECONDS = 60
_STOP_SECONDS = 60


def program(name: str) -> str | None:
    """Where a program is, those for administrators included."""
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answers(port: int, path: str = "/ready") -> bool:
    """Whether what listens on `port` answers 200."""
    try:
        return ask(f"http://127.0.0.1:{port}", "GET", path).status == 200
    except (OSError, HTTPException):
        return False


@contextmanager
def started(command: list[str], log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until the block ends, what it says being in `log`."""
    with log.open("ab") as said:
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), **variables}
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment, cwd=log.parent)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Replica:
    """A relay of two workers on a port that it keeps, to be stopped and started again."""

    def __init__(self, folder: Path, upstream: str, **variables: str) -> None:
        self.port = free_port()
        self.log = folder / f"relay-{self.port}.log"
        self.codes: list[int] = []
        self._variables = {
            "OPENAI_API_BASE": upstream,
            "OPENAI_API_KEY": "sk-x",
            "RELAY_KEY": RELAY_KEY,
            "RELAY_WORKERS": "2",
            "RELAY_PORT": str(self.port),
            **variables,
        }
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return once it is ready."""
        command = [sys.executable, "-m", "relay", "serve"]
        self._process = self._running.enter_context(started(command, self.log, **self._variables))
        until(lambda: answers(self.port), _START_SECONDS)

    def tell(self) -> None:
        """Tell it to stop."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def restart(self) -> None:
        """Let it drain and end, and start it again."""
        assert self._process is not None
        self.tell()
        self.codes.append(self._process.wait(_STOP_SECONDS))
        self._running.close()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.tell()  # the second signal, which it does not linger at, is the block's end
        self._running.close()


@contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    """The sandbox in a process of its own; its base address."""
    with running_relay("sandbox", "--port", "0", directory=folder) as running:
        assert running.root, running.lines
        yield f"{running.root}/v1"
