"""The reference of everything served, for people, and the files of the pages."""

from starlette.types import Receive, Scope, Send

from relay.dispatch import Relay
from relay.documents import answer
from relay.errors import UnknownPath
from relay.pages.static import DOCS, DOCS_FIELDS, FILES, PLAIN


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
