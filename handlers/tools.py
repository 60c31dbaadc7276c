"""The tools that a response can be given."""

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from relay.contract import tools
from relay.dispatch import Relay
from relay.errors import UnknownPath


async def list_tools(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with every tool: `RelayToolList` in the overlay."""
    await JSONResponse({"object": "list", "data": list(tools().values())})(scope, receive, send)


async def get_tool(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the tool that the path names: `RelayTool` in the overlay; raises UnknownPath."""
    found = tools().get(scope["path"].rpartition("/")[2])
    if found is None:
        message = f"No such tool; there are: {', '.join(tools())}"
        raise UnknownPath(message, param="tool_id", code="tool_not_found")
    await JSONResponse(found)(scope, receive, send)
