"""The processes that serve: one, or several over one listening socket, each with an event loop of its own."""

import asyncio
import gc
import os
import shutil
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from tempfile import TemporaryDirectory
from types import FrameType

import structlog

from relay.error_log import of_worker
from relay.log import configure_logging
from relay.serving.config import RelayConfig
from relay.serving.descriptors import raise_limit
from relay.serving.drain import RelayServer
from relay.serving.server import announce, listen, server_config
from relay.setting_types import SettingsError
from relay.settings import Settings
from relay.telemetry.port import metrics_port
from relay.telemetry.workers import Workers, told_by

logger = structlog.get_logger("relay")

_PAUSE_SECONDS = 1.0
_MEMORY = "/dev/shm"  # noqa: S108 - a folder with a name of its own is made in it
_FAILED = 1


def run(settings: Settings) -> int:
    """Serve until SIGINT or SIGTERM, and drain; the exit code. Raises SettingsError."""
    raise_limit()
    listener = listen(settings)
    if settings.relay_workers > 1:
        with _folder() as folder, metrics_port(settings, told_by(Workers(folder))):
            return _Supervisor(settings, listener, folder).run()
    ready = partial(announce, listener, settings)

    def server(config: RelayConfig) -> RelayServer:
        # A signal that comes when the server has ended is no failure. One that comes before ends the process.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        return RelayServer(config, ready)

    return _serve(settings, listener, server)


def _serve(
    settings: Settings,
    listener: socket.socket,
    server_of: Callable[[RelayConfig], RelayServer],
    workers: Workers | None = None,
) -> int:
    # The contract's models and tables live as long as the process: looking for garbage among them is a third
    # of the start, and would come back with every full collection.
    gc.disable()
    # Connexion loads Starlette's client for tests, which tells whom it would rather have beside it.
    warnings.filterwarnings("ignore", "Using `httpx` with `starlette.testclient`", UserWarning)
    from relay.app import create_app  # noqa: PLC0415 - the supervisor needs no model of the contract

    app = create_app(settings, workers=workers)
    gc.freeze()
    gc.enable()
    server = server_of(server_config(app, settings))
    server.run(sockets=[listener])
    return 0 if server.started else _FAILED


def _folder() -> TemporaryDirectory[str]:
    """Where the workers of this relay, and of no other, count; raises SettingsError.

    In memory where that is to be had: each worker writes its counts once a second.
    """
    memory = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else None
    try:
        return TemporaryDirectory(prefix="relay-", dir=memory, ignore_cleanup_errors=True)
    except OSError as error:
        raise SettingsError(
            f"TMPDIR is invalid: several workers need a folder to count in ({error.strerror})"
        ) from None


class _WorkerServer(RelayServer):
    """A worker's server: a signal of a terminal's is the supervisor's, which has a `line` to each worker."""

    def __init__(self, config: RelayConfig, line: Connection) -> None:
        super().__init__(config, self._report)
        self._line = line

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Drain at SIGTERM, however often it comes."""
        if sig != signal.SIGINT:
            self.stop()

    def _report(self) -> None:
        self._line.send(None)
        asyncio.get_running_loop().add_reader(self._line.fileno(), self._told)

    def _told(self) -> None:
        """End at once at the supervisor's word, and drain when it is gone."""
        asyncio.get_running_loop().remove_reader(self._line.fileno())
        try:
            self._line.recv()
            self.stop(at_once=True)
        except (EOFError, OSError):
            self.stop()


def _work(settings: Settings, listener: socket.socket, line: Connection, folder: str, number: int) -> None:
    """One worker's process. It says on `line` that it is ready, or why it never will be."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    error_log = of_worker(settings.error_log_path, number)
    try:
        configure_logging(settings.effective_log_level, settings.log_format, error_log)
        workers = Workers(folder, number)
        sys.exit(_serve(settings, listener, lambda config: _WorkerServer(config, line), workers))
    except SettingsError as error:
        line.send(str(error))
        sys.exit(_FAILED)
    finally:
        supervisor = parent_process()
        if supervisor is not None and not supervisor.is_alive():
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    line: Connection
    number: int
    ready: bool = False

    def hear(self) -> str | None:
        """Wait for its first word: why it cannot work, or None and `ready`; None alone when it dies."""
        with suppress(EOFError):
            refusal: str | None = self.line.recv()
            self.ready = refusal is None
            return refusal
        return None

    def stop(self, *, at_once: bool) -> None:
        """Let it drain, or end what it does."""
        if not at_once:
            self.process.terminate()
        else:
            with suppress(OSError):
                self.line.send(None)


class _Supervisor:
    """Keeps RELAY_WORKERS workers running until it is told to stop.

    The settings, keys included, reach them through a pipe. One that is killed loses its own connections, and
    another takes its place.
    """

    def __init__(self, settings: Settings, listener: socket.socket, folder: str) -> None:
        self._folder = folder
        self._settings = settings
        self._listener = listener
        self._workers: dict[int, _Worker] = {}
        self._stopping = False

    def run(self) -> int:
        """Supervise; the exit code. Raises SettingsError, which only a worker can find out."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        first = self._start()
        if refusal := first.hear():
            raise SettingsError(refusal)
        if not first.ready:
            return 0 if self._stopping else _FAILED
        announce(self._listener, self._settings)
        for _ in range(self._settings.relay_workers - 1):
            self._start()
        while self._workers:
            for sentinel in wait(list(self._workers)):
                assert isinstance(sentinel, int)
                self._replace(self._workers.pop(sentinel))
        return 0

    def _start(self) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        # One that takes the place of another goes on counting where that ended.
        taken = {worker.number for worker in self._workers.values()}
        number = next(number for number in count() if number not in taken)
        given = (self._settings, self._listener, theirs, self._folder, number)
        process = context.Process(target=_work, args=given)
        process.start()
        theirs.close()
        worker = self._workers[process.sentinel] = _Worker(process, ours, number)
        if self._stopping:
            worker.stop(at_once=False)
        return worker

    def _replace(self, worker: _Worker) -> None:
        worker.process.join()
        if self._stopping:
            return
        refusal = None if worker.ready else worker.hear()
        ended = {"pid": worker.process.pid, "code": worker.process.exitcode, "reason": refusal}
        logger.warning("a worker ended, another takes its place", **ended)
        if not worker.ready:
            time.sleep(_PAUSE_SECONDS)
        if not self._stopping:
            self._start()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        at_once, self._stopping = self._stopping, True
        for worker in list(self._workers.values()):
            worker.stop(at_once=at_once)
