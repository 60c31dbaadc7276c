"""The relay behind uvicorn: uvloop, httptools, and nothing of the server's own on the wire."""

import signal
import socket
import sys
from contextlib import ExitStack

import structlog
from starlette.types import ASGIApp

from relay.drain import RelayServer
from relay.protocol import RelayConfig, RelayProtocol
from relay.settings import Settings, SettingsError

_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048


def server_config(app: ASGIApp, settings: Settings) -> RelayConfig:
    """How uvicorn serves `app`."""
    return RelayConfig(
        app,
        settings,
        loop="auto" if sys.platform == "win32" else "uvloop",
        http=RelayProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        # Date and Server are the upstream's where it sends them; a second one would be false.
        date_header=False,
        server_header=False,
        # Who the client is, is the business of the connection, not of a header that anyone can send.
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


def serve(app: ASGIApp, settings: Settings) -> bool:
    """Serve `app` until SIGINT or SIGTERM, then drain; False when it could not start.

    Raises SettingsError for an address that cannot be listened on.
    """
    listener = _listener(settings)
    server = RelayServer(server_config(app, settings))
    _announce(listener, settings)
    # A signal that comes when the server has ended already is no failure either.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])
    return server.started


def _listener(settings: Settings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.relay_host, settings.relay_port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with ExitStack() as undo:
            listener = undo.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            undo.pop_all()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host name"
        raise SettingsError(
            f"RELAY_HOST={settings.relay_host!r}, RELAY_PORT={settings.relay_port} is invalid: "
            f"allowed is an address of this machine with a free port ({reason})"
        ) from None
    return listener


def _announce(listener: socket.socket, settings: Settings) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    structlog.get_logger("relay").info(
        "listening",
        base_url=f"http://{shown}:{port}/v1",
        upstream=settings.openai_api_base,
        relay_key="needed" if settings.auth_enabled else "not needed",
        validation=settings.relay_validation,
    )
