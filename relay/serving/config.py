"""How uvicorn serves the relay, and what its connections share."""

import math
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.types import ASGIApp

from relay.connection import Traffic
from relay.serving.descriptors import shares
from relay.settings import Settings

if TYPE_CHECKING:
    from relay.serving.protocol import RelayProtocol


class RelayConfig(uvicorn.Config):
    """uvicorn's configuration, with what the server and its connections need of the relay's.

    `waiting` are the connections that wait for their client, in the order in which they began to.
    """

    def __init__(self, app: ASGIApp, settings: Settings, **options: Any) -> None:
        super().__init__(app, host=settings.relay_host, port=settings.relay_port, **options)
        self.settings = settings
        self.traffic = Traffic(*shares(settings.relay_max_requests))
        self.client_seconds = math.ceil(settings.relay_client_timeout)
        self.reading_seconds = math.ceil(settings.relay_timeout)
        self.waiting: dict[RelayProtocol, None] = {}

    def tick(self) -> None:
        """Once a second: see to the connections that wait for their client."""
        self.traffic.clock += 1
        for look in list(self.traffic.watched):
            look()
        for connection in list(self.waiting):
            connection.see_to_its_client()
