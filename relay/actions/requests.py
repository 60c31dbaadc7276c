"""What goes upstream for a request at a door: the client's JSON as it came, or a form that is made of it."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json
from starlette.types import Receive, Scope

from generated.doors import Door
from generated.operations import OPERATIONS, Operation
from relay.actions.background import in_background
from relay.actions.form import Form, pairs
from relay.actions.inner import inner
from relay.actions.inputs import Inputs
from relay.actions.payload import REST_BYTES, Payload, encoded_size, too_large
from relay.body import Replay, buffered
from relay.contract import placed
from relay.dispatch import Relay
from relay.errors import InvalidBody, InvalidJSON, RequestTooLarge, UnsupportedMediaType
from relay.headers import coding_of

# A door reads its JSON whole.
JSON_BYTES = 1024 * 1024
_JSON = b"application/json"
_STREAMS = {"stream": (True,), "stream_format": ("sse",)}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request at a door as the operation behind it takes it; `members` are those of its JSON."""

    scope: Scope
    receive: Receive
    members: dict[str, Any]


async def asked(relay: Relay, door: Door, scope: Scope, receive: Receive) -> Asked:
    """Read the request at `door`; raises RelayError, and reaches no upstream."""
    shown, behind = OPERATIONS[door.operation_id], OPERATIONS[door.wraps]
    path = placed(scope["raw_path"], shown.path, behind.path)
    query = scope["query_string"]
    if dict(parse_qsl(query.decode("latin-1"))).get("stream", "false").lower() not in {"false", "0"}:
        raise _streams("stream")
    if not shown.request_media_types:
        return Asked(inner(scope, scope["method"], path, query, read=True), receive, {})
    if coding := coding_of(scope["headers"]):
        raise UnsupportedMediaType(f"Unsupported Content-Encoding: '{coding}'; a door takes plain JSON")
    if door.files:
        return await form_request(relay, door, scope, receive, path)
    body, receive = await buffered(receive, scope["headers"], JSON_BYTES, relay.settings.max_body_bytes)
    if body is None:
        raise RequestTooLarge(f"More than {JSON_BYTES:,} bytes: send them to {behind.path}")
    if door.body_model is not None:
        relay.judge.insist(door.body_model, body)
    members = _members(behind, body)
    if not behind.request_media_types:  # its body says nothing, and stays here
        return Asked(inner(scope, scope["method"], path, query, read=True), Replay(b"", receive), members)
    if door.background:
        body = in_background(members, body)
    made = inner(scope, scope["method"], path, query, body=(_JSON, len(body)), read=True)
    return Asked(made, Replay(body, receive), members)


def most(door: Door) -> int:
    """The most bytes of JSON that `door` takes."""
    files = sum(encoded_size(file.max_bytes) for file in door.files)
    return files + REST_BYTES if files else JSON_BYTES


async def form_request(relay: Relay, door: Door, scope: Scope, receive: Receive, path: bytes) -> Asked:
    """A form of the JSON that `receive` gives; raises RelayError, and reaches no upstream."""
    assert door.body_model is not None
    body, receive = await buffered(receive, scope["headers"], most(door), relay.settings.max_body_bytes)
    if body is None:
        names = [name for file in door.files for name in (*file.base64, file.name)]
        raise too_large(sum(file.max_bytes for file in door.files), names[0])
    payload = await asyncio.to_thread(Payload.of, body)
    relay.judge.insist(door.body_model, payload.text)
    members = payload.members()
    inputs = Inputs(door, payload, members, relay.fetcher)
    files = await inputs.files()
    texts = [(name, payload.text_of(value)) for name, value in pairs(members)]
    form = Form(texts, files)
    kind = (form.media_type, form.length)
    made = inner(scope, scope["method"], path, scope["query_string"], body=kind, read=True)
    return Asked(made, form.receive(receive), members)


def _members(behind: Operation, body: bytes) -> dict[str, Any]:
    """The members of a JSON object, for what a door must know of them; raises InvalidBody for a stream."""
    try:
        value = from_json(body) if body else {}
    except ValueError as error:
        raise InvalidJSON(f"The request body cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        return {}
    for name, streaming in _STREAMS.items():
        if behind.streams and value.get(name) in streaming:
            raise _streams(name)
    return value


def _streams(name: str) -> InvalidBody:
    message = f"'{name}': a door answers once, with JSON; event streams are at the operation itself"
    return InvalidBody(message, param=name, code="stream_not_supported")
