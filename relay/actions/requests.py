"""What goes upstream for a request at a door: the client's JSON as it came, or a form that is made of it."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json
from starlette.types import Receive, Scope

from generated.doors import Door
from generated.operations import OPERATIONS, Operation
from relay.actions.background import prepared, works_on
from relay.actions.form import Form, pairs
from relay.actions.inner import inner
from relay.actions.inputs import Inputs
from relay.actions.payload import REST_BYTES, Payload, encoded_size, too_large
from relay.actions.room import Share
from relay.body import Replay, buffered
from relay.contract import operation_of, placed
from relay.dispatch import Relay
from relay.errors import InvalidBody, InvalidJSON, RequestTooLarge, UnsupportedMediaType
from relay.headers import coding_of

# A door reads its JSON whole, while the event loop waits.
JSON_BYTES = REST_BYTES
_JSON = b"application/json"
_STREAMS = {"stream": (True,), "stream_format": ("sse",)}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request at a door as the operation behind it takes it; `members` are those of its JSON.

    `waits`: it only begins the work, because the relay says so.
    """

    scope: Scope
    receive: Receive
    members: dict[str, Any]
    waits: bool = False


async def asked(relay: Relay, door: Door, scope: Scope, receive: Receive, share: Share) -> Asked:
    """Read the request at `door`; raises RelayError, and reaches no upstream."""
    shown, behind = OPERATIONS[door.operation_id], OPERATIONS[door.wraps]
    path = placed(scope["raw_path"], shown.path, behind.path)
    query = scope["query_string"]
    if {value.lower() for name, value in _pairs(query) if name == "stream"} - {"false", "0"}:
        raise _streams("stream")
    if not shown.request_media_types:
        return Asked(inner(scope, scope["method"], path, query, read=True), receive, {})
    if coding := coding_of(scope["headers"]):
        raise UnsupportedMediaType(f"Unsupported Content-Encoding: '{coding}'; a door takes plain JSON")
    if door.files:
        return await form_request(relay, door, scope, receive, share)
    body, receive = await buffered(receive, scope["headers"], JSON_BYTES, relay.settings.max_body_bytes)
    if body is None:
        raise RequestTooLarge(f"More than {JSON_BYTES:,} bytes: send them to {behind.method} {behind.path}")
    if door.body_model is not None:
        relay.judge.insist(door.body_model, body)
    members = _members(behind, body)
    if not behind.request_media_types:  # its body says nothing, and stays here
        return Asked(inner(scope, scope["method"], path, query, read=True), Replay(b"", receive), {})
    waits = members is not None and works_on(relay, door, members)
    if members is not None and door.polled_by is not None:
        body = prepared(relay, body or b"{}", members, background=waits)
    made = inner(scope, scope["method"], path, query, body=(_JSON, len(body)), read=True)
    return Asked(made, Replay(body, receive), members or {}, waits)


def _pairs(query: bytes) -> list[tuple[str, str]]:
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)


def most(door: Door) -> int:
    """The most bytes of JSON that a form is made of at `door`."""
    return sum(encoded_size(file.max_bytes) for file in door.files) + REST_BYTES


async def form_request(relay: Relay, door: Door, scope: Scope, receive: Receive, share: Share) -> Asked:
    """A form of the JSON that `receive` gives; raises RelayError, and reaches no upstream."""
    assert door.body_model is not None
    shown = operation_of(scope)
    assert shown is not None
    path = placed(scope["raw_path"], shown.path, OPERATIONS[door.wraps].path)
    counted = receive if isinstance(receive, Replay) else share.receiving(receive)
    body, receive = await buffered(counted, scope["headers"], most(door), relay.settings.max_body_bytes)
    if body is None:
        names = [name for file in door.files for name in (*file.base64, file.name)]
        raise too_large(sum(file.max_bytes for file in door.files), names[0])
    payload = await asyncio.to_thread(Payload.of, body)
    value = payload.value()
    relay.judge.insist(door.body_model, payload.text)
    members = {name: part for name, part in value.items() if part is not None}
    files = await Inputs(door, payload, members, relay.fetcher, share).files()
    form = Form([(name, payload.text_of(text)) for name, text in pairs(members)], files)
    kind = (form.media_type, form.length)
    made = inner(scope, scope["method"], path, scope["query_string"], body=kind, read=True)
    return Asked(made, form.receive(receive), members)


def _members(behind: Operation, body: bytes) -> dict[str, Any] | None:
    """What a door must know of a JSON body, None for what is no object; raises InvalidBody for a stream."""
    try:
        value = from_json(body) if body else {}
    except ValueError as error:
        raise InvalidJSON(f"The request body cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        return None
    for name, streaming in _STREAMS.items():
        if behind.streams and value.get(name) in streaming:
            raise _streams(name)
    return value


def _streams(name: str) -> InvalidBody:
    message = f"'{name}': a door answers once, with JSON; event streams are at the operation itself"
    return InvalidBody(message, param=name, code="stream_not_supported")
