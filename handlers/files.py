"""Files: what users gave to a model is no download."""

import json
from contextlib import suppress

from starlette.types import Message, Receive, Scope, Send

from relay.contract import operation_of
from relay.dispatch import Relay
from relay.errors import Forbidden, UpstreamError, UpstreamInvalid
from relay.forwarder import check_fields
from relay.headers import FRAMING, to_upstream

_REFUSED = "user_data"
_METADATA_BYTES = 64 * 1024
# What these say is about the download, not about the file's metadata.
_OF_THE_DOWNLOAD = (b"accept", b"content-", b"if-", b"range")


async def get_content(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward the download unless the file's purpose is `user_data`; raises Forbidden then.

    Where the purpose cannot be read, the upstream decides. Content means nothing here (RFC 9110, 9.3.1).
    """
    check_fields(scope["headers"])
    scope = {**scope, "headers": [field for field in scope["headers"] if field[0] not in FRAMING]}
    if await _purpose(relay, scope, receive) == _REFUSED:
        message = f"Not allowed to download files of purpose: {_REFUSED}"
        raise Forbidden(message, code="file_download_forbidden")
    await relay.forwarder.forward(scope, receive, send, operation_of(scope))


async def _purpose(relay: Relay, scope: Scope, receive: Receive) -> object:
    body = b""

    async def take(message: Message) -> None:
        nonlocal body
        body += message.get("body", b"")
        if message.get("status", 200) != 200 or len(body) > _METADATA_BYTES:  # noqa: PLR2004
            raise UpstreamInvalid("There is no metadata that could be read")

    # What the client's Connection names goes first: it must not take away what is asked for here.
    fields = [field for field in to_upstream(scope["headers"]) if not field[0].startswith(_OF_THE_DOWNLOAD)]
    fields.append((b"accept-encoding", b"identity"))
    file = scope["raw_path"].rpartition(b"/")[0]
    asked = {**scope, "method": "GET", "raw_path": file, "query_string": b"", "headers": fields}
    with suppress(UpstreamError, ValueError, LookupError, TypeError, RecursionError):
        await relay.forwarder.forward(asked, receive, take)
        return json.loads(body)["purpose"]
    return None
