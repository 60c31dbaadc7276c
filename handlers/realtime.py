"""Realtime over HTTP: the secrets that open sessions."""

import time
from typing import Any

from pydantic_core import from_json
from starlette.types import Message, Receive, Scope, Send

from relay.body import declared_length
from relay.client_secrets import ClientSecrets
from relay.contract import operation_of
from relay.dispatch import Relay
from relay.headers import asking_plain, coding_of
from relay.validation import is_json, media_type_of

_SECRET = "ek_"  # noqa: S105 - how one begins
_SECRET_SECONDS = 60
_SUCCESS = range(200, 300)
_READ_BYTES = 64 * 1024


async def create_secret(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Forward, and remember the secret that the answer holds; the answer goes on as it comes."""
    scope = {**scope, "headers": asking_plain(scope["headers"])}
    await relay.forwarder.forward(scope, receive, _Reading(relay.client_secrets, send), operation_of(scope))


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
