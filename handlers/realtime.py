"""Realtime: sessions with a model that fits, the secrets that open them, and the older WebSocket."""

import asyncio
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote

from pydantic_core import from_json
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from generated.operations import Operation
from handlers.responses import EDITED_BYTES, with_body
from relay.body import buffered, declared_length
from relay.client_secrets import ClientSecrets
from relay.contract import operation_of
from relay.dispatch import Relay
from relay.edit import values_of, with_members
from relay.errors import InvalidBody, InvalidJSON, RequestTooLarge, SessionExpired, UnsupportedMediaType
from relay.headers import asking_plain, coding_of
from relay.settings import Settings
from relay.validation import is_json, media_type_of

_FAMILY = "gpt-realtime"
_SECRET = "ek_"  # noqa: S105 - how one begins
_SECRET_SECONDS = 60
_SUCCESS = range(200, 300)
_READ_BYTES = 64 * 1024
_SHOWN_CHARACTERS = 100
# Each of them says what the session of a WebSocket is.
_SESSION = frozenset({"model", "call_id", "intent"})


async def create_session(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward with REALTIME_MODEL where no model is named, without `expires_at`, and remember the secret.

    Raises InvalidBody for a model that is not for realtime. What cannot be read goes up as it came.
    """
    operation = operation_of(scope)
    assert operation is not None
    body, receive = await buffered(receive, scope["headers"], EDITED_BYTES, relay.settings.max_body_bytes)
    if body is not None and coding_of(scope["headers"]) is None and (body or b"{}").lstrip()[:1] == b"{":
        with suppress(InvalidJSON):  # validation is off then, and the upstream says what is wrong
            # Beside the event loop, which goes on meanwhile.
            edited = await asyncio.to_thread(_edited, relay.settings, operation, body or b"{}")
            scope, receive = with_body(scope, receive, edited)
    await create_secret(relay, scope, receive, send)


async def create_secret(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward, and remember the secret that the answer holds; the answer goes on as it comes."""
    scope = {**scope, "headers": asking_plain(scope["headers"])}
    await relay.forwarder.forward(scope, receive, _Reading(relay.client_secrets, send), operation_of(scope))


async def validate_session(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 unless the session has expired: `RelaySessionQuestion` and `…Validity` in the overlay.

    Raises SessionExpired, InvalidJSON, InvalidBody, UnsupportedMediaType and RequestTooLarge.
    """
    if coding := coding_of(scope["headers"]):
        raise UnsupportedMediaType(f"Unsupported Content-Encoding: '{coding}'; this takes plain JSON")
    body, _ = await buffered(receive, scope["headers"], _READ_BYTES, relay.settings.max_body_bytes)
    if body is None:
        raise RequestTooLarge(f"More than {_READ_BYTES:,} bytes about a session")
    relay.judge.insist("RelaySessionQuestion", body)
    asked, now = from_json(body), int(time.time())
    expires_at = asked.get("expires_at")
    if expires_at is not None and expires_at <= now:
        raise SessionExpired(f"The session expired at {expires_at}, and it is {now}", param="expires_at")
    told = {"status": "ok", "session_id": asked["session_id"], "expires_at": expires_at, "now": now}
    await JSONResponse(told)(scope, receive, send)


async def introspect(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with what realtime sessions go by here: `RelayRealtime` in the overlay."""
    names = ("realtime_model", "openai_api_base", "openai_realtime_beta")
    told = {name: getattr(relay.settings, name) for name in names}
    await JSONResponse({"status": "ok", **told, "now": int(time.time())})(scope, receive, send)


async def open_socket(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward what opens a realtime WebSocket, with REALTIME_MODEL where no session is named."""
    query = _with_model(scope["query_string"], relay.settings.realtime_model)
    await relay.forwarder.forward({**scope, "query_string": query}, receive, send, operation_of(scope))


def _edited(settings: Settings, operation: Operation, body: bytes) -> bytes:
    edited = with_members(body, {"model": settings.realtime_model}, {}, without=("expires_at",))
    allowed = (settings.realtime_model, *operation.models)
    for name in values_of(edited, "model"):
        if name is not None and name not in allowed and not str(name).startswith(_FAMILY):
            shown = str(name)[:_SHOWN_CHARACTERS]
            named = f"names that begin with {_FAMILY}, and {', '.join(dict.fromkeys(allowed))}"
            message = f"Unsupported model: {shown!r}; allowed are {named}"
            raise InvalidBody(message, param="model", code="unsupported_model")
    return edited


class _Reading:
    """`send`, and beside it a look at the secret in a short answer, before the client has all of it."""

    def __init__(self, secrets: ClientSecrets, send: Send) -> None:
        self._secrets = secrets
        self._send = send
        self._body: bytearray | None = None
        self._length: int | None = None

    async def __call__(self, message: Message) -> None:
        """Send `message` on."""
        if message["type"] == "http.response.start":
            headers = message["headers"]
            plain = is_json(media_type_of(headers)) and coding_of(headers) is None
            self._body = bytearray() if plain and message["status"] in _SUCCESS else None
            self._length = declared_length(headers)
        elif self._body is not None:
            self._body += message.get("body", b"")
            if len(self._body) > _READ_BYTES:
                self._body = None
            elif len(self._body) == self._length or not message.get("more_body", False):
                _remember(self._secrets, bytes(self._body))
                self._body = None
        await self._send(message)


def _remember(secrets: ClientSecrets, body: bytes) -> None:
    try:
        answer: Any = from_json(body)
    except ValueError:
        return
    found = [answer, answer.get("client_secret")] if isinstance(answer, dict) else []
    for members in (members for members in found if isinstance(members, dict)):
        value, expires_at = members.get("value"), members.get("expires_at")
        if isinstance(value, str) and value.startswith(_SECRET):
            if not isinstance(expires_at, int | float):
                expires_at = time.time() + _SECRET_SECONDS
            secrets.remember(value, expires_at)


def _with_model(query: bytes, model: str) -> bytes:
    if any(name in _SESSION for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)):
        return query
    return b"&".join(part for part in (query, f"model={quote(model, safe='')}".encode()) if part)
