"""The contract as the relay serves it, and the documents for GPT Actions made from it."""

import asyncio

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from relay.actions import documents
from relay.contract import served_document, served_yaml
from relay.dispatch import Relay

_YAML = "application/yaml"  # RFC 9512, 2.1


async def get_document(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the merged OpenAPI 3.1.0 document."""
    await Response(served_document(), media_type="application/json")(scope, receive, send)


async def get_yaml(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the same as YAML."""
    text = await asyncio.to_thread(served_yaml)
    await Response(text, media_type=_YAML)(scope, receive, send)


async def get_actions_json(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the default group's document."""
    await (await _document(relay, scope, documents.DEFAULT, "json"))(scope, receive, send)


async def get_actions_yaml(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the same as YAML."""
    await (await _document(relay, scope, documents.DEFAULT, "yaml"))(scope, receive, send)


async def get_group(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the document of the group that the path names; raises UnknownPath."""
    group, _, form = scope["path"].rpartition("/")[2].rpartition(".")
    await (await _document(relay, scope, group, form))(scope, receive, send)


async def list_groups(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with every group: `RelayActionsGroupList` in the overlay."""
    url = documents.public_url(relay.settings, scope)
    data = [documents.summary(group, url) for group in documents.groups()]
    await JSONResponse({"object": "list", "data": data})(scope, receive, send)


async def get_tools(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 with the function tools of the group that the path names; raises UnknownPath."""
    group = scope["path"].split("/")[-2]
    await JSONResponse(documents.tools(group))(scope, receive, send)


async def _document(relay: Relay, scope: Scope, group: str, form: str) -> Response:
    url = documents.public_url(relay.settings, scope)
    if form == "json":
        return JSONResponse(documents.document(group, url))
    if form == "yaml":
        text = await asyncio.to_thread(documents.yaml_document, group, url)
        return Response(text, media_type=_YAML)
    raise documents.unknown()
