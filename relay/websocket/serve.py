"""The way of one WebSocket: the upstream's handshake, then the client's, then frames to the end of both."""

import structlog
from starlette.types import Scope, Send
from websockets.frames import Close, Opcode
from websockets.utils import accept_key

from relay.connection import connection_of
from relay.errors import ClientGone, RelayError, UpstreamInvalid
from relay.headers import FRAMING, RawHeaders, to_client, value_of
from relay.transport.upstream import UpstreamResponse
from relay.websocket.frames import control
from relay.websocket.limits import Limits
from relay.websocket.tunnel import Tunnel, broken, restart
from relay.websocket.upgrade import Upgrade, subprotocols

logger = structlog.get_logger("relay")

SWITCHING = 101
# What both handshakes say in so many words (RFC 9110, 7.8), for it ends at each hop.
UPGRADE_FIELDS: RawHeaders = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
_DEFLATE = b"permessage-deflate"
_RSV1, _EVERY_RSV = 0x40, 0x70


def to_offer(headers: RawHeaders) -> RawHeaders:
    """The fields besides the client's own with which an upstream is offered a WebSocket."""
    offered = b", ".join(subprotocols(headers))
    return [*UPGRADE_FIELDS, *([(b"sec-websocket-protocol", offered)] if offered else [])]


async def serve(
    upgrade: Upgrade, response: UpstreamResponse, scope: Scope, send: Send, limits: Limits
) -> None:
    """Take up the client's offer as the upstream did, and relay frames until both sides are closed.

    Raises UpstreamInvalid for an answer that takes up another offer than the client's.
    """
    _check(scope["headers"], response.headers)
    # There is no length to what follows (RFC 9110, 8.6).
    fields = [field for field in to_client(response.headers) if field[0] not in FRAMING]
    await send(_switching(fields))
    tunnel = Tunnel(
        limits, reserved=_reserved(response.headers), on_left=lambda: upgrade.host.connection_lost(None)
    )
    await _relay(tunnel, upgrade, response, scope)
    _log(tunnel, scope)
    if tunnel.clean:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _relay(tunnel: Tunnel, upgrade: Upgrade, response: UpstreamResponse, scope: Scope) -> None:
    connection = connection_of(scope)
    traffic = connection.traffic

    def look() -> None:
        try:
            tunnel.tick(draining=traffic.draining)
        except Exception:
            # A bug ends this WebSocket, and not the server that looks.
            logger.exception("bug", request_id=scope["state"]["request_id"])
            tunnel.abort()

    if upgrade.host.transport.is_closing():
        raise ClientGone("The client left before the answer was whole")
    traffic.watched.add(look)
    try:
        _join(tunnel, upgrade, response)
        with connection:
            await tunnel.over.wait()
    except RelayError as error:
        tunnel.end(broken(client=True) if isinstance(error, ClientGone) else restart())
        await tunnel.over.wait()
    finally:
        traffic.watched.discard(look)
        tunnel.abort()


def _join(tunnel: Tunnel, upgrade: Upgrade, response: UpstreamResponse) -> None:
    """Let the tunnel have both connections."""
    transport = upgrade.host.transport
    first = response.take_over(tunnel.upstream)
    tunnel.client.connection_made(transport)
    transport.set_protocol(tunnel.client)
    if upgrade.host.hand_over():
        tunnel.client.pause_writing()
    early, upgrade.early = upgrade.early, b""
    tunnel.begin(early, first)


async def refuse(upgrade: Upgrade, scope: Scope, send: Send, close: Close) -> None:
    """Take up the client's offer only to say `close`: browsers show a page no other reason."""
    headers = scope["headers"]
    fields = [(b"sec-websocket-accept", _accept(headers))]
    # A browser that offered subprotocols takes no answer without one.
    fields += [(b"sec-websocket-protocol", name) for name in subprotocols(headers)[:1]]
    await send(_switching(fields))
    upgrade.host.transport.write(control(Opcode.CLOSE, close.serialize(), masked=False))
    logger.info("websocket refused", request_id=scope["state"]["request_id"], relay_code=int(close.code))
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _switching(fields: RawHeaders) -> dict[str, object]:
    return {"type": "http.response.start", "status": SWITCHING, "headers": [*UPGRADE_FIELDS, *fields]}


def _check(offered: RawHeaders, taken: RawHeaders) -> None:
    """Raise UpstreamInvalid unless the upstream's handshake answers the client's (RFC 6455, 4.1)."""
    chosen = [value for name, value in taken if name == b"sec-websocket-protocol"]
    accepted = value_of(taken, b"sec-websocket-accept") == _accept(offered)
    if not accepted or not set(chosen) <= set(subprotocols(offered)):
        raise UpstreamInvalid("The upstream's WebSocket handshake was not valid")


def _accept(offered: RawHeaders) -> bytes:
    """The Sec-WebSocket-Accept for a client's handshake (RFC 6455, 4.2.2)."""
    return accept_key((value_of(offered, b"sec-websocket-key") or b"").decode("latin-1")).encode()


def _reserved(taken: RawHeaders) -> int:
    """The reserved bits that the extensions in use may set; permessage-deflate sets one (RFC 7692, 6)."""
    used = [
        part.partition(b";")[0].strip()
        for name, value in taken
        if name == b"sec-websocket-extensions"
        for part in value.split(b",")
    ]
    if not used:
        return 0
    return _RSV1 if set(used) == {_DEFLATE} else _EVERY_RSV


def _log(tunnel: Tunnel, scope: Scope) -> None:
    closes = [side.frames.close for side in (tunnel.client, tunnel.upstream)]
    logger.info(
        "websocket closed",
        request_id=scope["state"]["request_id"],
        frames_up=tunnel.client.frames.count,
        frames_down=tunnel.upstream.frames.count,
        bytes_up=tunnel.client.frames.size,
        bytes_down=tunnel.upstream.frames.size,
        client_code=closes[0] and int(closes[0].code),
        upstream_code=closes[1] and int(closes[1].code),
        relay_code=tunnel.code,
    )
