"""Body validation: media type, size and JSON are judged before anything goes up; the bytes stay untouched."""

from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from generated.operations import Operation
from relay.body import buffered, has_body
from relay.contract import operation_of
from relay.errors import UnsupportedMediaType
from relay.headers import RawHeaders, coding_of, value_of
from relay.judge import Judge

REPORT_HEADER = b"x-relay-validation"
UNJUDGED = b"unjudged"
# Judging holds the event loop: 30 ms each 100 KiB at worst. Larger bodies are the upstream's to judge.
JUDGED_BYTES = 256 * 1024
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class BodyValidation:
    """ASGI middleware under Connexion's routing: 415, 413 and 400 before anything goes upstream.

    It stands where Connexion's RequestValidationMiddleware would: that one guesses missing media types, takes
    a chunked body for an empty one, and builds its parsers anew for each request.
    """

    def __init__(self, app: ASGIApp, judge: Judge, max_body_bytes: int) -> None:
        self._app = app
        self._judge = judge
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge the request's body where the contract can, and pass it on as it came."""
        operation = operation_of(scope) if scope["type"] == "http" else None
        if operation is None:
            await self._app(scope, receive, send)
            return
        headers: RawHeaders = scope["headers"]
        media_type = media_type_of(headers)
        carries = has_body(headers)
        if carries and media_type not in operation.request_media_types:
            _check_media_type(operation, scope["method"], media_type)
        judges = self._judge.judges(operation) and not operation.judged_by_handler
        if judges and (is_json(media_type) if carries else operation.body_required):
            receive, send = await judged(self._judge, operation, headers, receive, send, self._max_body_bytes)
        await self._app(scope, receive, send)


async def judged(
    judge: Judge, operation: Operation, headers: RawHeaders, receive: Receive, send: Send, refused_over: int
) -> tuple[Receive, Send]:
    """Judge a body of JSON; what to go on with: a `receive` that gives it, a `send` that says what was found.

    Raises InvalidJSON, InvalidBody, RequestTooLarge and ClientGone.
    """
    if coding := coding_of(headers):
        judge.refuse_unjudged(f"a Content-Encoding of '{coding}'")
        return receive, _reporting(send, UNJUDGED)
    body, receive = await buffered(receive, headers, JUDGED_BYTES, refused_over)
    if body is None:
        judge.refuse_unjudged(f"more than {JUDGED_BYTES:,} bytes of JSON")
        return receive, _reporting(send, UNJUDGED)
    report = judge.judge(operation, body)
    return receive, send if report is None else _reporting(send, report.header())


def _reporting(send: Send, report: bytes) -> Send:
    async def with_report(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (REPORT_HEADER, report)]
        await send(message)

    return with_report


def media_type_of(headers: RawHeaders) -> str | None:
    """The request's media type in lower case and without parameters, None where it has none."""
    return _media_type(value_of(headers, b"content-type"))


@lru_cache(maxsize=64)
def _media_type(value: bytes | None) -> str | None:
    return value.split(b";", 1)[0].strip().lower().decode("latin-1") if value else None


def is_json(media_type: str | None) -> bool:
    """Whether a media type is JSON, or is written as JSON (RFC 6839, 3.1)."""
    return media_type == "application/json" or (media_type or "").endswith("+json")


def _check_media_type(operation: Operation, method: str, media_type: str | None) -> None:
    taken = operation.request_media_types
    if not taken or method not in _BODY_METHODS:
        return
    said = f"'{media_type}'" if media_type else "none"
    raise UnsupportedMediaType(
        f"Unsupported Content-Type: {said}; {operation.operation_id} takes {' or '.join(taken)}"
    )
