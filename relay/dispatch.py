"""From an operation to what serves it: the handler that the overlay names, else the forwarder."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from relay.actions.fetch import Fetcher
from relay.actions.room import Room
from relay.auth import RelayKeys, Secret
from relay.client_secrets import ClientSecrets
from relay.contract import operation_of
from relay.forwarder import Forwarder
from relay.judge import Judge
from relay.pages.reach import Reach
from relay.settings import Settings
from relay.telemetry.metrics import Metrics


@dataclass(slots=True)
class Relay:
    """What a handler may use. `forwarder` is there from the start of the application to its end.

    `app` serves a request that a handler makes of its own as if a client had sent it: routing, security,
    guard, validation and dispatch, inside the error boundary. `blocks` says whether it refuses an operation,
    by its id.
    """

    settings: Settings
    keys: RelayKeys
    upstream_key: Secret
    judge: Judge
    fetcher: Fetcher
    client_secrets: ClientSecrets
    metrics: Metrics
    room: Room = field(default_factory=Room)
    reach: Reach = field(default_factory=Reach)
    forwarder: Forwarder = field(init=False)
    app: ASGIApp = field(init=False)
    blocks: Callable[[str], bool] = field(init=False)


Handler = Callable[[Relay, Scope, Receive, Send], Awaitable[None]]


class Dispatch:
    """The application under Connexion's middleware."""

    def __init__(self, relay: Relay, handlers: Mapping[str, Handler]) -> None:
        self._relay = relay
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, for an operation of the contract or, where it is let through, for none."""
        operation = operation_of(scope)
        if operation is not None and operation.handler is not None:
            await self._handlers[operation.handler](self._relay, scope, receive, send)
        else:
            await self._relay.forwarder.forward(scope, receive, send, operation)
