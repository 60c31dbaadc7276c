"""Running the sandbox: in a thread beside tests and demos, or in the foreground as a command."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.app import create_app
from sandbox.events import Streams
from sandbox.faults import ABORT

HOST = "127.0.0.1"

_CLOSE_SECONDS = 5


class _Server(uvicorn.Server):
    """A server that tells when it listens, and that cuts its connections when it ends.

    ``closing`` is set then, for a batch that runs is no connection's.
    """

    def __init__(self, config: uvicorn.Config, closing: threading.Event) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.clear()
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        # Waiting for open streams takes as long as they do; cut, each ends as if its client had gone away.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


class _Protocol(HttpToolsProtocol):
    """HTTP whose application may break its connection off (`faults.ABORT` among the scope's extensions).

    It keeps no access log; the setting for that would silence every server in the process.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]  # no such in the types


class SandboxServer:
    """The sandbox on a socket of its own, in a daemon thread with its own event loop.

    A context manager: it listens inside the ``with``. Port 0 takes a free one; a port that is taken, or an
    address that is not this machine's, raises ``OSError`` at the start.
    """

    def __init__(self, host: str = HOST, port: int = 0) -> None:
        self._address = (host, port)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._base_url = ""
        self._app = create_app()

    @property
    def base_url(self) -> str:
        """Where OpenAI's clients find it: ``http://127.0.0.1:PORT/v1``, empty before the start."""
        return self._base_url

    @property
    def streams(self) -> Streams:
        """How many event streams are open, ended, and left by their clients."""
        streams: Streams = self._app.state.streams
        return streams

    def start(self) -> None:
        """Listen, and return once requests are taken; ``OSError`` if the address is not to be had."""
        listener, self._base_url = _listen(*self._address)
        # Logging is not configured here: the process around the sandbox has its own.
        config = uvicorn.Config(
            self._app,
            http=_Protocol,
            lifespan="off",
            log_config=None,
            log_level=None,
            server_header=False,
        )
        self._server = _Server(config, self._app.state.closing)
        self._thread = threading.Thread(target=self._run, args=(listener,), name="sandbox", daemon=True)
        self._thread.start()
        self._server.listening.wait()
        if not self._server.started:
            raise OSError("the sandbox ended before it listened")

    def close(self) -> None:
        """End the server and its thread, open streams included; further calls do nothing."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_CLOSE_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, listener: socket.socket) -> None:
        assert self._server is not None
        try:
            self._server.run(sockets=[listener])
        finally:
            self._server.listening.set()


def serve(host: str = HOST, port: int = 0, announce: Callable[[str], None] = lambda _: None) -> None:
    """Run the sandbox in the foreground until a signal ends it; ``announce`` is told its base URL first.

    ``OSError`` if the address is not to be had. Logs warnings and worse, and no requests.
    """
    listener, base_url = _listen(host, port)
    app = create_app()
    config = uvicorn.Config(app, http=_Protocol, lifespan="off", log_level="warning", server_header=False)
    announce(base_url)
    # uvicorn raises the signal that ended it once more; the end that was asked for is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    _Server(config, app.state.closing).run(sockets=[listener])


def _listen(host: str, port: int) -> tuple[socket.socket, str]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    name = f"[{host}]" if family == socket.AF_INET6 else host
    return listener, f"http://{name}:{listener.getsockname()[1]}/v1"
