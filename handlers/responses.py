"""Responses: what clients may leave out because the relay fills it in."""

import asyncio
from contextlib import suppress

from starlette.types import Receive, Scope, Send

from relay.body import Replay, buffered
from relay.contract import operation_of
from relay.dispatch import Relay
from relay.edit import with_members
from relay.errors import InvalidJSON, RequestTooLarge, UnsupportedMediaType
from relay.headers import FRAMING, coding_of, value_of

# A body is edited whole, in memory, and takes a thread under a second at worst.
EDITED_BYTES = 1024 * 1024


async def compact(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward with DEFAULT_MODEL where the body is an object without a model, and else as it came."""
    body, receive = await buffered(receive, scope["headers"], EDITED_BYTES, relay.settings.max_body_bytes)
    if body and body.lstrip().startswith(b"{") and coding_of(scope["headers"]) is None:
        with suppress(InvalidJSON):  # validation is off then, and the upstream says what is wrong
            edited = await _edited(relay, body, {})
            scope, receive = with_body(scope, receive, edited)
    await relay.forwarder.forward(scope, receive, send, operation_of(scope))


async def create_stream(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward an object with `stream` true, and any other value as the `input` of one.

    Raises RequestTooLarge over EDITED_BYTES, UnsupportedMediaType for a coded body, and InvalidJSON.
    """
    if coding := coding_of(scope["headers"]):
        raise UnsupportedMediaType(f"Unsupported Content-Encoding: '{coding}'; /v1/responses takes it")
    body, receive = await buffered(receive, scope["headers"], EDITED_BYTES, relay.settings.max_body_bytes)
    if body is None:
        message = f"More than {EDITED_BYTES:,} bytes: send them to /v1/responses, with model and stream: true"
        raise RequestTooLarge(message)
    scope, receive = with_body(scope, receive, await _edited(relay, body or b"{}", {"stream": True}))
    await relay.forwarder.forward(scope, receive, send, operation_of(scope))


async def _edited(relay: Relay, body: bytes, always: dict[str, object]) -> bytes:
    # Beside the event loop, which goes on meanwhile.
    return await asyncio.to_thread(with_members, body, {"model": relay.settings.default_model}, always)


def with_body(scope: Scope, receive: Receive, body: bytes) -> tuple[Scope, Receive]:
    """`scope` and `receive` of the same request with another body, of JSON where it had none."""
    headers = [field for field in scope["headers"] if field[0] not in FRAMING]
    headers.append((b"content-length", str(len(body)).encode()))
    if value_of(headers, b"content-type") is None:
        headers.append((b"content-type", b"application/json"))
    return {**scope, "headers": headers}, Replay(body, receive)
