"""One door to many operations, for clients that send and read JSON alone."""

import asyncio

from starlette.types import Receive, Scope, Send

from relay.actions.answers import limited
from relay.actions.inner import inner
from relay.actions.proxy import ENVELOPE_BYTES, opened
from relay.actions.reach import mark
from relay.body import Replay, buffered
from relay.dispatch import Relay
from relay.errors import InvalidHead, RequestTooLarge, UnsupportedMediaType
from relay.headers import coding_of


async def forward_one(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the request that the body holds as if the client had sent it, and answer as it is answered.

    More than 100,000 characters are refused unless RELAY_ACTIONS_LIMIT is off: ResultTooLarge. Raises besides
    what opening the envelope raises, Forbidden for what the proxy does not reach, RequestTooLarge over
    ENVELOPE_BYTES, UnsupportedMediaType for a coded body, and InvalidHead for a query beside the envelope.
    """
    if scope["query_string"]:
        raise InvalidHead("/v1/proxy has no query of its own: it belongs into the body", param="query")
    if coding := coding_of(scope["headers"]):
        raise UnsupportedMediaType(f"Unsupported Content-Encoding: '{coding}'; /v1/proxy takes none")
    limit = relay.settings.max_body_bytes
    body, receive = await buffered(receive, scope["headers"], ENVELOPE_BYTES, limit)
    if body is None:
        raise RequestTooLarge(f"The proxy takes {ENVELOPE_BYTES:,} bytes; send more to the operation itself")
    # Beside the event loop, which goes on meanwhile.
    asked = await asyncio.to_thread(opened, body)
    content = None if asked.body is None else (b"application/json", len(asked.body))
    made = mark(inner(scope, asked.method, asked.path, asked.query, body=content))
    receive = Replay(asked.body or b"", receive)
    if relay.settings.relay_actions_limit:
        await limited(relay.app, made, receive, send)
    else:
        await relay.app(made, receive, send)
