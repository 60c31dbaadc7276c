"""What differs from plain forwarding in realtime WebSockets."""

from urllib.parse import parse_qsl, quote

from starlette.types import Receive, Scope, Send
from websockets.frames import Close, CloseCode

from relay.contract import operation_of
from relay.dispatch import Relay
from relay.websocket.serve import refuse
from relay.websocket.upgrade import upgrade_of

# Each of them says what the session is, in the place of a model.
_SAYS_WHAT = {"model", "call_id", "intent"}


async def connect(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Relay a realtime WebSocket; the older name of it takes REALTIME_MODEL where no session is named."""
    operation, upgrade = operation_of(scope), upgrade_of(scope)
    if upgrade is not None and not relay.settings.relay_realtime_ws_enabled:
        close = Close(CloseCode.POLICY_VIOLATION, "this relay is set not to relay realtime WebSockets")
        await refuse(upgrade, scope, send, close)
        return
    if operation is not None and operation.alias_of is not None:
        scope = {**scope, "query_string": _with_model(scope["query_string"], relay.settings.realtime_model)}
    await relay.forwarder.forward(scope, receive, send, operation)


def _with_model(query: bytes, model: str) -> bytes:
    names = {name for name, _ in parse_qsl(query.decode("latin-1"))}
    if names & _SAYS_WHAT:
        return query
    return b"&".join(part for part in (query, f"model={quote(model)}".encode()) if part)
