"""A client's wish for a WebSocket, and what its request says of it (RFC 6455, 4.2.1)."""

import asyncio
import base64
import binascii
import re
from typing import Protocol, cast

from starlette.types import Scope

from relay.errors import Forbidden, InvalidHead
from relay.headers import FRAMING, RawHeaders, value_of

_EXTENSION = "relay.upgrade"
_VERSION = b"13"
_UNBOUND = re.compile(r"(?:localhost|[0-9.]+|\[[0-9a-f:.]+\])(?::[0-9]+)?", re.IGNORECASE)
_KEY_BYTES = 16
_PROTOCOL = b"sec-websocket-protocol"
# How browsers show a key: they can send no other field (OpenAI's Realtime API with WebSockets).
_KEY_IN_PROTOCOL = b"openai-insecure-api-key."
# A relay key and a client secret are two; a request is not to try thousands.
_MOST_KEYS = 3


class Host(Protocol):
    """The connection that the request came in by."""

    transport: asyncio.Transport

    def hand_over(self) -> bool:
        """Leave the connection to another protocol; whether its client has too much left to read."""

    def connection_lost(self, exc: Exception | None) -> None:
        """See to the end of it."""


class Upgrade:
    """The offer to go on as a WebSocket; an answer of another status than 101 declines it.

    `early` is what the client sent before it had an answer.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.early = b""


def extension(upgrade: Upgrade) -> dict[str, object]:
    """The extension of a request's scope (ASGI) that `upgrade_of` reads."""
    return {_EXTENSION: upgrade}


def upgrade_of(scope: Scope) -> Upgrade | None:
    """The offer that came with a request; None for most."""
    return cast("Upgrade | None", scope["extensions"].get(_EXTENSION))


def is_offer(method: bytes, version: bytes, headers: RawHeaders) -> bool:
    """Whether a request that offers another protocol is one for a WebSocket, and nothing but a head."""
    if (method, version) != (b"GET", b"1.1"):
        return False
    content = [value.strip() for name, value in headers if name in FRAMING]
    wanted = (value_of(headers, b"upgrade") or b"").strip().lower() == b"websocket"
    return wanted and content in ([], [b"0"])


def check_handshake(headers: RawHeaders) -> None:
    """Raise InvalidHead for a handshake that no server may take (RFC 6455, 4.2.1)."""
    if value_of(headers, b"sec-websocket-version") != _VERSION:
        message = "Sec-WebSocket-Version must be 13 (RFC 6455, 4.4)"
        raise InvalidHead(message, headers={"Sec-WebSocket-Version": _VERSION.decode()})
    keys = [value for name, value in headers if name == b"sec-websocket-key"]
    try:
        sizes = [len(base64.b64decode(key, validate=True)) for key in keys]
    except binascii.Error:
        sizes = []
    if sizes != [_KEY_BYTES]:
        raise InvalidHead("Sec-WebSocket-Key must be 16 bytes in base64, once (RFC 6455, 4.2.1)")


def check_origin(headers: RawHeaders, allowed: frozenset[str]) -> None:
    """Raise Forbidden for a WebSocket that a browser opens for a page of another origin (RFC 6455, 10.2).

    `allowed` are the origins that browsers may call from, or `*`: CORS does not hold for WebSockets. The
    relay's own is allowed where it is an address or localhost, which nobody can give another name to.
    """
    origin = (value_of(headers, b"origin") or b"").decode("latin-1")
    host = (value_of(headers, b"host") or b"").decode("latin-1")
    own = origin.partition("://")[2] == host and bool(_UNBOUND.fullmatch(host))
    if origin and not own and not {origin, "*"} & allowed:
        message = "Pages of this origin may not open a WebSocket here: see CORS_ALLOW_ORIGINS"
        raise Forbidden(message, code="origin_not_allowed")


def subprotocols(headers: RawHeaders) -> list[bytes]:
    """What the client offers to speak, in order, the keys that it shows there left out."""
    return [name for name in _offered(headers) if not _shows_key(name)]


def shown_keys(headers: RawHeaders) -> list[bytes]:
    """The keys among the subprotocols, where browsers show theirs."""
    shown = [name[len(_KEY_IN_PROTOCOL) :] for name in _offered(headers) if _shows_key(name)]
    return shown[:_MOST_KEYS]


def _shows_key(name: bytes) -> bool:
    return name.lower().startswith(_KEY_IN_PROTOCOL)


def _offered(headers: RawHeaders) -> list[bytes]:
    return [
        part.strip()
        for name, value in headers
        if name == _PROTOCOL
        for part in value.split(b",")
        if part.strip()
    ]
