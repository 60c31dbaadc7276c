"""The contract as the relay serves it, and the documents for GPT Actions made from it."""

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from relay.actions import documents
from relay.contract import served_document, served_yaml
from relay.dispatch import Relay
from relay.documents import JSON, YAML, Document, answer

_JSON = Document(served_document, JSON)
_YAML = Document(served_yaml, YAML)


async def get_document(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the merged OpenAPI 3.1.0 document, or 304."""
    await answer(_JSON, scope, receive, send)


async def get_yaml(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the same as YAML, or 304."""
    await answer(_YAML, scope, receive, send)


async def get_actions_json(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the default group's document, or 304."""
    await _answer(relay, documents.DEFAULT, "json", scope, receive, send)


async def get_actions_yaml(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the same as YAML, or 304."""
    await _answer(relay, documents.DEFAULT, "yaml", scope, receive, send)


async def get_group(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the document of the group that the path names, or 304; raises UnknownPath."""
    group, _, form = scope["path"].rpartition("/")[2].rpartition(".")
    await _answer(relay, group, form, scope, receive, send)


async def list_groups(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with every group: `RelayActionsGroupList` in the overlay."""
    url = documents.public_url(relay.settings, scope)
    data = [documents.summary(group, url) for group in documents.groups()]
    await JSONResponse({"object": "list", "data": data})(scope, receive, send)


async def get_tools(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the function tools of the group that the path names, or 304; raises UnknownPath."""
    await answer(documents.tools(scope["path"].split("/")[-2]), scope, receive, send)


async def _answer(relay: Relay, group: str, form: str, scope: Scope, receive: Receive, send: Send) -> None:
    url = documents.public_url(relay.settings, scope)
    await answer(documents.document(group, form, url), scope, receive, send)
