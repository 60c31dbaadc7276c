"""The outermost layer: a request id, the fields every answer has, and one log line a request."""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from random import getrandbits

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relay.contract import operation_of
from relay.headers import RawHeaders, value_of
from relay.log import ACCESS_EVENT

logger = structlog.get_logger("relay.access")

REQUEST_ID_HEADER = b"x-request-id"
RELAY_ID_HEADER = b"x-relay-request-id"
_USABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """The Date field (RFC 9110, 6.6.1), made once a second."""
    return formatdate(second, usegmt=True).encode()


class _Answer:
    """What became of one request, watched at the server's side of the application."""

    def __init__(self, send: Send, request_id: bytes, *, bodiless: bool) -> None:
        self._send = send
        self._bodiless = bodiless
        self._id = request_id
        self.status: int | None = None
        self.size = 0
        self.whole = False
        self.upstream_id: str | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
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
    """ASGI middleware: takes or gives the request id, and logs one line when the answer is over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application below. The id is `scope["state"]["request_id"]`, as text."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shown = value_of(scope["headers"], REQUEST_ID_HEADER) or b""
        request_id = shown if _USABLE_ID.fullmatch(shown) else b"%032x" % getrandbits(128)
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        # Routing works on a copy of the scope; what it finds is seen here through this shared part.
        scope.setdefault("extensions", {})
        answer = _Answer(send, request_id, bodiless=scope["method"] == "HEAD")
        start = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        finally:
            self._log(scope, answer, time.perf_counter() - start)

    def _log(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        operation = operation_of(scope)
        logger.info(
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
