"""The relay behind uvicorn: uvloop, httptools, and nothing of the server's own on the wire."""

import socket
import sys
from contextlib import ExitStack

import structlog
from starlette.types import ASGIApp

from relay.serving.config import RelayConfig
from relay.serving.protocol import RelayProtocol
from relay.setting_types import SettingsError
from relay.settings import Settings

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
    )


def listen(settings: Settings) -> socket.socket:
    """Listen where the settings say; raises SettingsError for an address that is not to be had."""
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


def announce(listener: socket.socket, settings: Settings) -> None:
    """Log where the relay can be reached, once it can be."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    structlog.get_logger("relay").info(
        "listening",
        base_url=f"http://{shown}:{port}/v1",
        upstream=settings.openai_api_base,
        relay_key="needed" if settings.auth_enabled else "not needed",
        validation=settings.relay_validation,
    )
