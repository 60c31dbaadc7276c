"""Every error the relay makes, in one tree and one table, and the boundary that turns them into answers.

RelayError
├── RequestError
│   ├── InvalidHead            a path or header field that cannot go on
│   ├── InvalidJSON            the body cannot be parsed
│   ├── InvalidBody            the body is JSON that the operation cannot take
│   ├── InvalidRelayKey        no relay key, or a wrong one
│   ├── Forbidden              what this relay does not do for its clients
│   ├── UnknownPath            no such path in the contract, or nothing of the relay's by the name in it
│   ├── MethodNotAllowed       the path exists, the method does not
│   ├── NotAcceptable          what is there is in no form that the client takes
│   ├── UnsupportedMediaType   a body of a media type that the operation does not take
│   ├── RequestTooLarge        a body over the limit
│   ├── ResultTooLarge         an answer that the client could not read
│   ├── SessionExpired         a realtime session that was asked about is over
│   ├── RequestTimeout         the client sent nothing for too long
│   ├── HeadTooLarge           more of a path and header fields than the relay takes
│   └── ClientGone             the client left: there is nobody to answer
├── UpstreamError
│   ├── UpstreamKeyMissing     there is no real key to forward with
│   ├── UpstreamUnreachable    no connection, or one that broke before the answer
│   ├── UpstreamTimeout        no byte from upstream in time
│   ├── UpstreamInvalid        an answer that is no HTTP
│   └── UpstreamTruncated      a stream that ended before its last event
├── FileUnreachable            a file to fetch for a client could not be had
├── LoopDetected               a request that this relay has sent itself
├── Unavailable
│   ├── RelayBusy              too much is in progress
│   └── RelayDraining          the relay ends, and the request with it
└── InternalError              a bug of the relay
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relay.connection import LEFT, Connection, connection_of

logger = structlog.get_logger("relay")


class RelayError(Exception):
    """An error with a message for the client, the `param` at fault where there is one, and headers."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers = headers or {}
        self.kind = TABLE[type(self)]
        self.code = code or self.kind.code


class RequestError(RelayError):
    """The client's fault."""


class InvalidHead(RequestError):
    """A path or header field that cannot go on as it is."""


class InvalidJSON(RequestError):
    """The body cannot be parsed (RFC 8259)."""


class InvalidBody(RequestError):
    """The body is JSON that the operation cannot take."""


class InvalidRelayKey(RequestError):
    """No relay key, or a wrong one (RFC 9110, 15.5.2)."""


class Forbidden(RequestError):
    """What this relay does not do for its clients (RFC 9110, 15.5.4)."""


class UnknownPath(RequestError):
    """No such path in the contract, or nothing of the relay's by the name in it."""


class MethodNotAllowed(RequestError):
    """The path exists, the method does not (RFC 9110, 15.5.6)."""


class NotAcceptable(RequestError):
    """What is there is in no form that the client takes (RFC 9110, 15.5.7)."""


class UnsupportedMediaType(RequestError):
    """A body of a media type that the operation does not take (RFC 9110, 15.5.16)."""


class RequestTooLarge(RequestError):
    """A body over the limit (RFC 9110, 15.5.14)."""


class ResultTooLarge(RequestError):
    """An answer that the client could not read, because it is too large for it."""


class SessionExpired(RequestError):
    """A realtime session that was asked about is over (RFC 9110, 15.5.11)."""


class RequestTimeout(RequestError):
    """The client sent nothing of its request for too long (RFC 9110, 15.5.9)."""


class HeadTooLarge(RequestError):
    """More of a path and header fields than the relay takes (RFC 6585, 5)."""


class ClientGone(RequestError):
    """The client left before the answer was whole."""


class UpstreamError(RelayError):
    """The upstream's fault, or the way to it."""


class UpstreamKeyMissing(UpstreamError):
    """There is no real key to forward with."""


class UpstreamUnreachable(UpstreamError):
    """No connection, or one that broke before the answer."""


class UpstreamTimeout(UpstreamError):
    """No byte from upstream in time."""


class UpstreamInvalid(UpstreamError):
    """An answer that is no HTTP."""


class UpstreamTruncated(UpstreamError):
    """A stream that ended before its last event."""


class FileUnreachable(RelayError):
    """A file that the relay was to fetch for a client could not be had from its host."""


class LoopDetected(RelayError):
    """A request that this relay has sent itself (RFC 5842, 7.2)."""


class Unavailable(RelayError):
    """The relay cannot serve now what it can serve at another time (RFC 9110, 15.6.4)."""


class RelayBusy(Unavailable):
    """Too much is in progress: requests, or descriptors in use."""


class RelayDraining(Unavailable):
    """The relay ends, and the request with it."""


class InternalError(RelayError):
    """A bug of the relay."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How an error leaves: HTTP status, and OpenAI's `type` and `code`."""

    status: int
    type: str
    code: str


_SERVER_ERRORS = 500
_REQUEST = "invalid_request_error"
_SERVER = "server_error"
TABLE: dict[type[RelayError], Kind] = {
    InvalidHead: Kind(400, _REQUEST, "invalid_head"),
    InvalidJSON: Kind(400, _REQUEST, "invalid_json"),
    InvalidBody: Kind(400, _REQUEST, "invalid_body"),
    InvalidRelayKey: Kind(401, _REQUEST, "invalid_api_key"),
    Forbidden: Kind(403, _REQUEST, "forbidden"),
    UnknownPath: Kind(404, _REQUEST, "unknown_url"),
    MethodNotAllowed: Kind(405, _REQUEST, "method_not_allowed"),
    NotAcceptable: Kind(406, _REQUEST, "not_acceptable"),
    UnsupportedMediaType: Kind(415, _REQUEST, "unsupported_media_type"),
    RequestTooLarge: Kind(413, _REQUEST, "request_too_large"),
    ResultTooLarge: Kind(413, _REQUEST, "result_too_large"),
    SessionExpired: Kind(410, _REQUEST, "session_expired"),
    RequestTimeout: Kind(408, _REQUEST, "request_timeout"),
    HeadTooLarge: Kind(431, _REQUEST, "head_too_large"),
    ClientGone: Kind(499, _REQUEST, "client_gone"),
    UpstreamKeyMissing: Kind(424, _REQUEST, "upstream_key_missing"),
    UpstreamUnreachable: Kind(502, _SERVER, "upstream_unreachable"),
    UpstreamTimeout: Kind(504, _SERVER, "upstream_timeout"),
    UpstreamInvalid: Kind(502, _SERVER, "upstream_invalid_response"),
    UpstreamTruncated: Kind(502, _SERVER, "upstream_truncated"),
    FileUnreachable: Kind(502, _SERVER, "file_unreachable"),
    LoopDetected: Kind(508, _SERVER, "loop_detected"),
    RelayBusy: Kind(503, _SERVER, "relay_busy"),
    RelayDraining: Kind(503, _SERVER, "relay_draining"),
    InternalError: Kind(500, _SERVER, "internal_error"),
}

_FRAMEWORK: dict[int, type[RequestError]] = {
    401: InvalidRelayKey,
    404: UnknownPath,
    405: MethodNotAllowed,
    413: RequestTooLarge,
    415: UnsupportedMediaType,
}


def shape(error: RelayError) -> bytes:
    """The body of an error in OpenAI's shape: `{"error": {message, type, param, code}}`, as JSON."""
    fields = {"message": error.message, "type": error.kind.type, "param": error.param, "code": error.code}
    return json.dumps({"error": fields}).encode()


async def answer(error: RelayError, send: Send) -> None:
    """Send `error` as a whole response."""
    body = shape(error)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    await send({"type": "http.response.start", "status": error.kind.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def from_framework(error: HTTPException) -> RelayError:
    """What Starlette or Connexion refused, as an error of the relay's."""
    status = error.status_code
    made = _FRAMEWORK.get(status, InternalError if status >= _SERVER_ERRORS else InvalidBody)
    return made(error.detail or "The request was refused", headers=dict(error.headers or {}))


class ErrorBoundary:
    """ASGI middleware: whatever is raised below leaves as one answer, or ends a started one unfinished.

    `admit` raises for what is refused before anything else is looked at.
    """

    def __init__(self, app: ASGIApp, admit: Callable[[Scope, Connection], None]) -> None:
        self._app = app
        self._admit = admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application below; only cancellation passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            await send(message)
            started = True

        try:
            connection = connection_of(scope)
            with connection:
                self._admit(scope, connection)
                await self._app(scope, receive, watched)
        except ClientGone:
            scope["state"][LEFT] = True
        except Exception as error:  # noqa: BLE001 - a bug is an answer too, and the process lives
            known = _known(error, scope)
            if not started:
                await answer(known, send)
            else:
                await asyncio.sleep(0)  # what was said so far is written before the connection closes


def _known(error: Exception, scope: Scope) -> RelayError:
    if isinstance(error, RelayError):
        return error
    if isinstance(error, HTTPException):
        return from_framework(error)
    request_id: Any = scope.get("state", {}).get("request_id", "unknown")
    logger.error("bug", request_id=request_id, exc_info=error)
    return InternalError(f"The relay failed to handle this request; its id is {request_id}")
