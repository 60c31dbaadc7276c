"""Images: what JSON clients cannot send as a form, the relay makes one of."""

import asyncio

from pydantic_core import from_json
from starlette.types import Receive, Scope, Send

from generated.doors import DOORS, Door
from generated.operations import OPERATIONS
from relay.actions.inputs import REFERENCES
from relay.actions.payload import Payload
from relay.actions.requests import Asked, form_request, most
from relay.actions.room import Share
from relay.body import buffered
from relay.contract import operation_of
from relay.dispatch import Relay
from relay.errors import RequestTooLarge, UnsupportedMediaType
from relay.headers import coding_of
from relay.validation import is_json, judged, media_type_of

_OFFICIAL = "images"
_DOORS = {door.wraps: door for door in DOORS.values()}


async def with_files(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward a form, and JSON that the upstream takes, as they come; make a form of JSON with files.

    They are in `openaiFileIdRefs`, `image_url` or `image_base64`, and the same for a mask. Raises RelayError.
    """
    operation, headers, limit = operation_of(scope), scope["headers"], relay.settings.max_body_bytes
    assert operation is not None
    door = _DOORS[operation.operation_id]
    if is_json(media_type_of(headers)):
        coding = coding_of(headers)
        if coding and operation.body_model is None:
            raise UnsupportedMediaType(f"Unsupported Content-Encoding: '{coding}'; a form may have one")
        with relay.room.share() as share:
            made = None if coding else await _form(relay, door, scope, receive, share)
            if isinstance(made, Asked):
                await relay.app(made.scope, made.receive, send)
                return
            receive = made or receive
        if relay.judge.judges(operation):
            receive, send = await judged(relay.judge, operation, headers, receive, send, limit)
    await relay.forwarder.forward(scope, receive, send, operation)


async def _form(relay: Relay, door: Door, scope: Scope, receive: Receive, share: Share) -> Asked | Receive:
    """The form that JSON becomes, or else a `receive` that gives it as it came."""
    limit = relay.settings.max_body_bytes
    body, receive = await buffered(share.receiving(receive), scope["headers"], most(door), limit)
    official = OPERATIONS[door.wraps].body_model is not None
    if official and not await asyncio.to_thread(_has_files, door, body):
        return receive
    return await form_request(relay, door, scope, receive, share)


def _has_files(door: Door, body: bytes | None) -> bool:
    """Whether JSON names a file in a way of the door's, and is not what the upstream itself takes."""
    try:
        value = body and from_json(Payload.of(body).text)
    except (ValueError, RequestTooLarge):
        return False
    names = {name for file in door.files for name in (file.name, *file.base64, *file.url)}
    return isinstance(value, dict) and _OFFICIAL not in value and not (names | {REFERENCES}).isdisjoint(value)
