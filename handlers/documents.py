"""The contract as the relay serves it."""

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from relay.contract import served_document
from relay.dispatch import Relay


async def get_document(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the merged OpenAPI 3.1.0 document."""
    await Response(served_document(), media_type="application/json")(scope, receive, send)
