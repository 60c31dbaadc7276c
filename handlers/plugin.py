"""The plugin manifest, by which tools find the document for Actions."""

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from relay.actions.documents import public_url
from relay.actions.plugin import manifest
from relay.dispatch import Relay


async def get_plugin(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with a manifest of schema version v1: `RelayPlugin` in the overlay."""
    await JSONResponse(manifest(relay.settings, public_url(relay.settings, scope)))(scope, receive, send)
