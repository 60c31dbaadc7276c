"""Pages for people: the status, and the reference of everything served."""

from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import Receive, Scope, Send

from handlers.health import state
from relay.dispatch import Relay
from relay.documents import answer, joined
from relay.errors import UnknownPath
from relay.pages.accept import prefers_page
from relay.pages.static import DOCS, DOCS_FIELDS, FILES, PLAIN, STATUS_FIELDS
from relay.pages.status import render


async def get_root(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the status page where Accept prefers HTML, else with the state: `RelayHealth`."""
    fields = {"vary": "Accept"}
    if not prefers_page(joined(scope, b"accept")):
        await JSONResponse(state(relay), headers=fields)(scope, receive, send)
        return
    reached = await relay.reach.reached(relay.forwarder.upstream)
    page = render(relay.settings, scope, state(relay), reached=reached)
    await HTMLResponse(page, headers=fields | STATUS_FIELDS)(scope, receive, send)


async def get_docs(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the page that shows `/openapi.json`, or 304."""
    await answer(DOCS, scope, receive, send, DOCS_FIELDS)


async def get_static(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the file that the path names, or 304; raises UnknownPath."""
    found = FILES.get(scope["path"].rpartition("/")[2])
    if found is None:
        message = f"No such file; there are: {', '.join(FILES)}"
        raise UnknownPath(message, param="name", code="file_not_found")
    await answer(found, scope, receive, send, PLAIN)
