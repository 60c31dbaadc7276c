"""The outermost layer: a request id, the fields every answer has, and one log line a request."""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from random import getrandbits

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from generated.operations import Operation
from relay.connection import FORWARDED, LEFT
from relay.contract import operation_of
from relay.headers import CLIENT_ID, RawHeaders, value_of
from relay.log import ACCESS_EVENT
from relay.telemetry.metrics import NO_KEY, UNKNOWN, Metrics
from relay.telemetry.tracing import Tracer

logger = structlog.get_logger("relay.access")

REQUEST_ID_HEADER = b"x-request-id"
RELAY_ID_HEADER = b"x-relay-request-id"
_SERVER_ERRORS = 500
_USABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """The Date field (RFC 9110, 6.6.1), made once a second."""
    return formatdate(second, usegmt=True).encode()


class _Answer:
    """What became of one request, watched at the server's side of the application."""

    def __init__(self, receive: Receive, send: Send, request_id: bytes, *, bodiless: bool) -> None:
        self._receive = receive
        self._send = send
        self._bodiless = bodiless
        self._id = request_id
        self._began = time.perf_counter()
        self.first: float | None = None
        self.received = 0
        self.status: int | None = None
        self.size = 0
        self.whole = False
        self.upstream_id: str | None = None

    @property
    def seconds(self) -> float:
        """Since the request came."""
        return time.perf_counter() - self._began

    async def receive(self) -> Message:
        message = await self._receive()
        if body := message.get("body"):
            self.received += len(body)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.first = self.seconds
            self.status = message["status"]
            message["headers"] = self._completed(message["headers"])
        elif message["type"] == "http.response.body" and not self._bodiless:
            self.size += len(message.get("body", b""))
        await self._send(message)
        self.whole = message["type"] == "http.response.body" and not message.get("more_body", False)

    def _completed(self, headers: RawHeaders) -> RawHeaders:
        fields = [*headers, (RELAY_ID_HEADER, self._id)]
        if value_of(headers, b"date") is None:
            fields.append((b"date", _date(int(time.time()))))
        upstream_id = value_of(headers, REQUEST_ID_HEADER)
        if upstream_id is None:
            fields.append((REQUEST_ID_HEADER, self._id))
        else:
            self.upstream_id = _printable(upstream_id)
        return fields

    @property
    def outcome(self) -> str:
        """`complete`, `aborted` after a started answer, or `unanswered` when the client left before one."""
        if self.whole:
            return "complete"
        return "unanswered" if self.status is None else "aborted"


def _printable(raw: bytes) -> str:
    """`raw` as ASCII: still percent-encoded, so that no path can forge a line or steer a terminal."""
    return raw.decode("ascii", "backslashreplace")


class AccessLog:
    """ASGI middleware: takes or gives the request id, and tells what became of a request when it is over.

    It is counted by `metrics`, is a span where there is a `tracer`, and is one line in the log: an error
    where the answer says that it is the server's, from 500 up.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application below. The id is `scope["state"]["request_id"]`, as text."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _shown_id(scope) or b"%032x" % getrandbits(128)
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        # Routing works on a copy of the scope; what it finds is seen here through this shared part.
        scope.setdefault("extensions", {})
        answer = _Answer(receive, send, request_id, bodiless=scope["method"] == "HEAD")
        span = None if self._tracer is None else self._tracer.request(scope)
        self._metrics.in_progress += 1
        try:
            await self._app(scope, answer.receive, answer.send)
        finally:
            self._metrics.in_progress -= 1
            operation = operation_of(scope)
            seconds = answer.seconds
            _log(scope, operation, answer, seconds)
            self._count(scope, operation, answer, seconds)
            if span is not None:
                span.end(operation, answer.status, answer.outcome)

    def _count(self, scope: Scope, operation: Operation | None, answer: _Answer, seconds: float) -> None:
        name = UNKNOWN if operation is None else operation.operation_id
        if answer.status == HTTPStatus.UNAUTHORIZED and FORWARDED not in scope["state"]:
            name = NO_KEY
        self._metrics.answered(name, answer.status, seconds, (answer.received, answer.size), answer.first)
        if LEFT in scope["state"]:
            self._metrics.cancellations[(name,)] += 1


def _shown_id(scope: Scope) -> bytes | None:
    """The id that the client gave its request, where it can be used."""
    for name in (REQUEST_ID_HEADER, CLIENT_ID):
        shown = value_of(scope["headers"], name)
        if shown is not None and _USABLE_ID.fullmatch(shown):
            return shown
    return None


def _log(scope: Scope, operation: Operation | None, answer: _Answer, seconds: float) -> None:
    write = logger.error if (answer.status or 0) >= _SERVER_ERRORS else logger.info
    write(
        ACCESS_EVENT,
        request_id=scope["state"]["request_id"],
        method=scope["method"],
        path=_printable(scope["raw_path"]),
        operation=operation.operation_id if operation else None,
        status=answer.status,
        bytes=answer.size,
        milliseconds=round(seconds * 1000, 1),
        outcome=answer.outcome,
        upstream_request_id=answer.upstream_id,
    )
