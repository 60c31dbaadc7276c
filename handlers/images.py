"""Images: what JSON clients cannot send as a form, the relay makes one of."""

import asyncio

from pydantic_core import from_json
from starlette.types import Receive, Scope, Send

from generated.doors import DOORS, Door
from relay.actions.inputs import REFERENCES
from relay.actions.payload import Payload
from relay.actions.requests import form_request, most
from relay.body import buffered
from relay.contract import operation_of
from relay.dispatch import Relay
from relay.errors import RequestTooLarge
from relay.headers import coding_of
from relay.validation import is_json, judged, media_type_of

_DOORS = {door.wraps: door for door in DOORS.values()}


async def with_files(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward a form, and JSON that the upstream takes, as they come; make a form of JSON with files.

    They are in `openaiFileIdRefs`, `image_url` or `image_base64`, and the same for a mask. Raises RelayError.
    """
    operation, headers, limit = operation_of(scope), scope["headers"], relay.settings.max_body_bytes
    assert operation is not None
    door = _DOORS[operation.operation_id]
    if is_json(media_type_of(headers)):
        if coding_of(headers) is None:
            with relay.room.taken(headers, most(door)):
                body, receive = await buffered(receive, headers, most(door), limit)
                if operation.body_model is None or await asyncio.to_thread(_has_files, door, body):
                    made = await form_request(relay, door, scope, receive, scope["raw_path"])
                    await relay.app(made.scope, made.receive, send)
                    return
        if relay.judge.judges(operation):
            receive, send = await judged(relay.judge, operation, headers, receive, send, limit)
    await relay.forwarder.forward(scope, receive, send, operation)


def _has_files(door: Door, body: bytes | None) -> bool:
    """Whether JSON names a file in a way of the door's."""
    try:
        value = body and from_json(Payload.of(body).text)
    except (ValueError, RequestTooLarge):
        return False
    names = {name for file in door.files for name in (file.name, *file.base64, *file.url)}
    return isinstance(value, dict) and not value.keys().isdisjoint(names | {REFERENCES})
