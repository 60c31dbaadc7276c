"""uvicorn's protocol, nearer to HTTP and to OpenAI's errors, which tells a request that its client left."""

from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from relay.connection import Connection, Traffic, extensions
from relay.cycle import RelayCycle
from relay.errors import ClientGone, InvalidHead, shape
from relay.settings import Settings

# Requests that are read while another runs (pipelining, RFC 9112, 9.3.2), and one.
_WAITING = 2


class RelayConfig(uvicorn.Config):
    """uvicorn's configuration, with what the server and its connections need of the relay's."""

    def __init__(self, app: ASGIApp, settings: Settings, **options: Any) -> None:
        super().__init__(app, host=settings.relay_host, port=settings.relay_port, **options)
        self.settings = settings
        self.traffic = Traffic()


class RelayProtocol(HttpToolsProtocol):
    """One client's connection. The end of what a client sends is its departure, as uvicorn has it."""

    def __init__(self, config: uvicorn.Config, *given: Any, **named: Any) -> None:
        super().__init__(config, *given, **named)
        assert isinstance(config, RelayConfig)
        self.connection = Connection(config.traffic)
        self.running: RequestResponseCycle | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.running = cycle
        cycle.__class__ = RelayCycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what runs for the client that left; uvicorn tells only the request that came last."""
        super().connection_lost(exc)
        if self.running is not None:
            self.running.disconnected = True
        self.connection.interrupt(ClientGone("The client left before the answer was whole"))

    def on_headers_complete(self) -> None:
        """Hand the application the fields that are there now, and no trailers (RFC 9110, 6.5.1)."""
        self.scope["headers"] = list(self.headers)
        self.scope["extensions"] = extensions(self.connection)  # type: ignore[typeddict-item]  # ours
        super().on_headers_complete()
        if self.connection.traffic.draining:
            self.close_after_answer()

    def close_after_answer(self) -> None:
        """Let the last request so far be this connection's last one (`Connection: close`)."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Read on after a whole request, for a departure shows only so; one more may wait, and no third."""
        super().on_message_complete()
        if len(self.pipeline) < _WAITING:
            self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in OpenAI's shape; there is no request that could be logged."""
        body = shape(InvalidHead(f"{msg} (RFC 9112)"))
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
