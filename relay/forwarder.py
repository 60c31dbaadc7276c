"""The one way out: every byte to and from the upstream passes `Forwarder.forward`."""

from dataclasses import dataclass
from http import HTTPStatus

import structlog
from starlette.types import Receive, Scope, Send
from websockets.frames import Close, CloseCode

from generated.operations import Operation
from relay.auth import RelayKeys, Secret
from relay.body import Replay, RequestBody, has_body
from relay.connection import connection_of
from relay.contract import placed
from relay.errors import InvalidHead, RelayError, UpstreamInvalid, UpstreamKeyMissing, UpstreamTruncated
from relay.events import Events
from relay.headers import CLIENT_ID, RawHeaders, merged_tokens, to_client, to_upstream, value_of
from relay.loops import Loops
from relay.settings import Settings
from relay.telemetry.exchange import Exchange, Telemetry
from relay.transport.upstream import Upstream, UpstreamResponse
from relay.websocket.limits import Limits
from relay.websocket.serve import SWITCHING, refuse, serve, to_offer
from relay.websocket.upgrade import check_handshake, upgrade_of

logger = structlog.get_logger("relay")

MOUNT = b"/v1"
_EVENT_STREAM = b"text/event-stream"
_RESUMING = b"starting_after="
_STATUSES = range(200, 600)
_DISABLED = Close(CloseCode.POLICY_VIOLATION, "this relay is set to relay no WebSockets")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the upstream is shown in the client's stead."""

    key: Secret
    organization: str | None
    project: str | None
    betas: dict[str, str | None]
    keys: RelayKeys

    @classmethod
    def of(cls, settings: Settings, key: Secret, keys: RelayKeys) -> "Credentials":
        """The credentials that `settings` name; `keys` tell a client's secret from a key of the relay's."""
        betas = {"assistants": settings.openai_assistants_beta, "realtime": settings.openai_realtime_beta}
        return cls(key, settings.openai_organization, settings.openai_project, betas, keys)

    def apply(self, scope: Scope, operation: Operation | None) -> RawHeaders:
        """A request's fields for the upstream, with the real key; raises UpstreamKeyMissing.

        A client secret takes the key's place: it belongs to an organisation and a project already.
        """
        fields = to_upstream(scope["headers"])
        secret = self.keys.client_secret(scope, operation)
        fields += self._own(fields) if secret is None else [(b"authorization", b"Bearer " + secret)]
        beta = self.betas.get(operation.beta) if operation and operation.beta else None
        return fields if beta is None else _with_beta(fields, beta)

    def _own(self, fields: RawHeaders) -> RawHeaders:
        key = self.key.text
        if not key:
            raise UpstreamKeyMissing(
                "This relay has no OpenAI key: set OPENAI_API_KEY or OPENAI_API_KEY_FILE"
            )
        named = ((b"openai-organization", self.organization), (b"openai-project", self.project))
        lacking = [
            (name, value.encode()) for name, value in named if value and value_of(fields, name) is None
        ]
        return [(b"authorization", b"Bearer " + key.encode()), *lacking]


def _with_beta(fields: RawHeaders, added: str) -> RawHeaders:
    present = b",".join(value for name, value in fields if name == b"openai-beta")
    others = [(name, value) for name, value in fields if name != b"openai-beta"]
    return [*others, (b"openai-beta", merged_tokens(present, added))]


class Forwarder:
    """Forwards requests to `upstream`. It knows no operation by name."""

    def __init__(
        self,
        upstream: Upstream,
        credentials: Credentials,
        loops: Loops,
        telemetry: Telemetry,
        settings: Settings,
    ) -> None:
        self.upstream = upstream
        self._credentials = credentials
        self._loops = loops
        self._telemetry = telemetry
        self._max_body_bytes = settings.max_body_bytes
        self._limits = Limits.of(settings)
        self._websockets = settings.relay_realtime_ws_enabled

    async def forward(
        self, scope: Scope, receive: Receive, send: Send, operation: Operation | None = None
    ) -> None:
        """Forward one request and its answer, byte for byte, as they arrive.

        What a client and the upstream take up as a WebSocket is relayed as one.

        Raises RelayError before the first byte of an answer. After it a break is never finished: an event
        stream gets one error event, then the answer is left incomplete, which makes the server abort it.
        A stream that ends well-framed, but before the event that its operation ends with, is such a break.
        """
        target = _target(scope, operation)
        check_fields(scope["headers"])
        headers = self._credentials.apply(scope, operation)
        headers.append(self._loops.via(scope["http_version"]))
        if value_of(headers, CLIENT_ID) is None:
            headers.append((CLIENT_ID, scope["state"]["request_id"].encode()))
        upgrade = upgrade_of(scope) if operation is None or operation.websocket else None
        if upgrade is not None:
            check_handshake(scope["headers"])
            headers += to_offer(scope["headers"])
            if not self._websockets:
                await refuse(upgrade, scope, send, _DISABLED)
                return
        body = self._body(scope, receive)
        with self._telemetry.exchange(scope, operation) as exchange:
            headers = exchange.sends(headers, body)
            response = await self.upstream.send(
                scope["method"], target, headers, body, upgrade=upgrade is not None
            )
            try:
                exchange.answered(response.status, response.headers)
                if upgrade is not None and response.status == SWITCHING:
                    exchange.tunnels()
                    await serve(upgrade, response, scope, send, self._limits)
                else:
                    await self._relay(response, scope, send, operation, exchange)
            finally:
                await response.close()

    def _body(self, scope: Scope, receive: Receive) -> bytes | RequestBody:
        if isinstance(receive, Replay):
            return receive.body
        if not has_body(scope["headers"]):
            return b""
        return RequestBody(receive, scope["headers"], self._max_body_bytes)

    async def _relay(
        self,
        response: UpstreamResponse,
        scope: Scope,
        send: Send,
        operation: Operation | None,
        exchange: Exchange,
    ) -> None:
        if response.status not in _STATUSES:
            raise UpstreamInvalid("The upstream's answer was not valid HTTP")
        headers = to_client(response.headers)
        if response.status == HTTPStatus.NO_CONTENT:
            # There must be no length, and nothing would fill it (RFC 9110, 8.6).
            headers = [(name, value) for name, value in headers if name != b"content-length"]
        if response.status == HTTPStatus.UPGRADE_REQUIRED:
            # It has to say which protocol would do (RFC 9110, 15.5.22), and for this hop too that is so.
            wanted = value_of(response.headers, b"upgrade") or b"websocket"
            headers += [(b"connection", b"upgrade"), (b"upgrade", wanted)]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        events = Events(exchange.look) if _has_events(headers) else None
        see = exchange.look if events is None else events.saw
        # An event of the relay's must not fill up a promised length.
        open_ended = events is not None and value_of(headers, b"content-length") is None
        last = b""
        try:
            with connection_of(scope):
                while chunk := await response.read():
                    if see is not None:
                        see(chunk)
                    if events is None and response.ended:
                        last = chunk
                        break
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if events is not None and response.status == HTTPStatus.OK:
                _judge(events, scope, operation, exchange, open_ended=open_ended)
        except RelayError as error:
            if events is not None and open_ended:
                await send({"type": "http.response.body", "body": events.error(error), "more_body": True})
            raise
        await send({"type": "http.response.body", "body": last, "more_body": False})


def _judge(
    events: Events, scope: Scope, operation: Operation | None, exchange: Exchange, *, open_ended: bool
) -> None:
    """Count and log a stream that ended before its last event, and raise UpstreamTruncated.

    One with a Content-Length has reached the client whole by then: that is counted, and not cut. Nothing
    at all may be the truth where the client asked for what comes after an event that it has.
    """
    if operation is None or not operation.ends or scope["method"] == "HEAD":
        return
    if events.ended(operation.ends) or (events.empty and _RESUMING in scope["query_string"]):
        return
    exchange.truncated()
    logger.warning(
        "truncated",
        request_id=scope["state"]["request_id"],
        operation=operation.operation_id,
        bytes=events.size,
    )
    if open_ended:
        raise UpstreamTruncated("The upstream ended the stream before its last event")


def _target(scope: Scope, operation: Operation | None) -> bytes:
    path = scope["raw_path"].removeprefix(MOUNT)
    if operation is not None and operation.alias_of is not None and operation.upstream_path is not None:
        path = placed(scope["raw_path"], operation.path, operation.upstream_path)
    query: bytes = scope["query_string"]
    target: bytes = path + (b"?" + query if query else b"")
    if not target.isascii():
        raise InvalidHead("The path and query must be ASCII (RFC 3986)", code="invalid_path")
    return target


def check_fields(headers: RawHeaders) -> None:
    """Raise InvalidHead for a framing that has no one reading."""
    for name, value in headers:
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise InvalidHead("Transfer-Encoding must be chunked, and nothing besides (RFC 9112, 6.1)")


def _has_events(headers: RawHeaders) -> bool:
    """Whether an answer is an event stream that can be read."""
    media_type = value_of(headers, b"content-type")
    if media_type is None or not media_type.lower().startswith(_EVENT_STREAM):
        return False
    return value_of(headers, b"content-encoding") is None
