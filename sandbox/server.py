"""Running the sandbox: in a thread beside tests and demos, or in the foreground as a command."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from sandbox.app import create_app
from sandbox.events import Streams
from sandbox.faults import ABORT
from sandbox.sockets import SocketCount

HOST = "127.0.0.1"
MAX_MESSAGE_BYTES = 32 * 1024 * 1024

_CLOSE_SECONDS = 5
# What the server says of a WebSocket is what its client did; failures of the application it logs itself.
_unheard = logging.getLogger("sandbox.unheard")
_unheard.setLevel(logging.CRITICAL + 1)


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


class _SocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets whose application may end the connection without a Close, after what was sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = _unheard

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["extensions"][ABORT] = self.transport.close  # type: ignore[assignment]  # no such in the types

    def shutdown(self) -> None:
        # The inherited one fails where the client's Close was answered and its connection is not lost yet.
        self.stop_keepalive()
        self.transport.abort()


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

    @property
    def sockets(self) -> SocketCount:
        """How many WebSockets are open, how many were lost, and with which codes the others were closed."""
        sockets: SocketCount = self._app.state.sockets
        return sockets

    def start(self) -> None:
        """Listen, and return once requests are taken; ``OSError`` if the address is not to be had."""
        listener, self._base_url = _listen(*self._address)
        # Logging is not configured here: the process around the sandbox has its own.
        config = _config(self._app, log_config=None)
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
    config = _config(app, log_level="warning")
    announce(base_url)
    # uvicorn raises the signal that ended it once more; the end that was asked for is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    _Server(config, app.state.closing).run(sockets=[listener])


def _config(app: Starlette, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws=_SocketProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        lifespan="off",
        server_header=False,
        **more,
    )


def _listen(host: str, port: int) -> tuple[socket.socket, str]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    name = f"[{host}]" if family == socket.AF_INET6 else host
    return listener, f"http://{name}:{listener.getsockname()[1]}/v1"
