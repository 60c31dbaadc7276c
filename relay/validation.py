"""Judging request bodies by the contract: media type, JSON, structure, models; the bytes stay untouched."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import generated.models
from generated.bodies import BODIES, Body
from generated.operations import Operation
from relay.body import RequestBody, declared_length, has_body
from relay.contract import operation_of
from relay.errors import InvalidBody, InvalidJSON, UnsupportedMediaType
from relay.headers import RawHeaders, value_of

REPORT_HEADER = b"x-relay-validation"
# Judging holds the event loop: about 10 ms a MiB. Larger bodies are the upstream's to judge.
JUDGED_BYTES = 4 * 1024 * 1024
_REPORTED_PLACE = 120
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Report:
    """How a body that is forwarded deviates from the contract: how often, and where first."""

    deviations: int
    first: str

    def header(self) -> bytes:
        """`deviations=2; first="messages.0.role"`, in visible ASCII."""
        place = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in self.first)
        return f'deviations={self.deviations}; first="{place[:_REPORTED_PLACE]}"'.encode()


class Judge:
    """Judges a JSON body in one of three strengths: `off`, `structural`, `strict`."""

    def __init__(self, strength: str) -> None:
        self._strength = strength
        self._adapters: dict[str, TypeAdapter[Any]] = {}
        self.reports: Counter[str] = Counter()

    def judges(self, operation: Operation) -> bool:
        """Whether bodies of `operation` are judged at all."""
        return self._strength != "off" and operation.body_model is not None

    def judge(self, operation: Operation, body: bytes) -> Report | None:
        """None for a body that fits the contract, a Report for one that deviates in its depth.

        Raises InvalidJSON, and InvalidBody for a structure that cannot be right, or for any deviation
        when the strength is `strict`.
        """
        assert operation.body_model is not None
        try:
            self._adapter(operation.body_model).validate_json(body, strict=True)
        except ValidationError as error:
            return self._deviating(operation, BODIES[operation.body_model], body, error)
        return None

    def _adapter(self, name: str) -> TypeAdapter[Any]:
        if name not in self._adapters:
            self._adapters[name] = TypeAdapter(getattr(generated.models, name))
        return self._adapters[name]

    def _deviating(self, operation: Operation, rules: Body, body: bytes, error: ValidationError) -> Report:
        try:
            value = from_json(body or b"{}", allow_inf_nan=False)
        except ValueError as fault:
            raise InvalidJSON(f"The request body is not valid JSON: {fault}") from None
        check_structure(rules, value)
        details = error.errors(include_url=False, include_context=False, include_input=False)
        place = ".".join(str(part) for part in details[0]["loc"])
        if self._strength == "strict":
            raise InvalidBody(
                f"Invalid value for '{place}': {details[0]['msg']}", param=place, code="invalid_value"
            )
        self.reports[operation.operation_id] += 1
        return Report(len(details), place)


def check_structure(rules: Body, value: Any) -> None:
    """Raise InvalidBody when a required top-level field is missing or one has the wrong primitive type."""
    if not _is_one_of(value, rules.types):
        raise InvalidBody(
            f"The request body must be {_words(rules.types)}, but it is {_words([_name(value)])}",
            code="invalid_type",
        )
    if not isinstance(value, dict):
        return
    for name in rules.required:
        if name not in value:
            raise InvalidBody(
                f"Missing required parameter: '{name}'", param=name, code="missing_required_parameter"
            )
    for name, types in rules.fields.items():
        # The API reads null as absent wherever a field is optional, though the document rarely says so.
        absent = value.get(name) is None and name not in rules.required
        if name in value and not absent and not _is_one_of(value[name], types):
            got = _words([_name(value[name])])
            raise InvalidBody(
                f"Invalid type for '{name}': expected {_words(types)}, but got {got}",
                param=name,
                code="invalid_type",
            )


def _name(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _is_one_of(value: Any, types: Iterable[str]) -> bool:
    name = _name(value)
    if name in types or (name == "integer" and "number" in types):
        return True
    # JSON Schema 2020-12, 6.1.1: a number with a zero fractional part is an integer.
    return name == "number" and "integer" in types and float(value).is_integer()


def _words(types: Iterable[str]) -> str:
    return " or ".join(
        name if name == "null" else f"{'an' if name[0] in 'aio' else 'a'} {name}" for name in types
    )


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
        media_type = _media_type(headers)
        _check_media_type(operation, scope["method"], headers, media_type)
        if self._is_judged(operation, headers, media_type):
            receive, send = await self._judged(operation, headers, receive, send)
        await self._app(scope, receive, send)

    def _is_judged(self, operation: Operation, headers: RawHeaders, media_type: str | None) -> bool:
        if not self._judge.judges(operation) or value_of(headers, b"content-encoding") is not None:
            return False
        if not has_body(headers):
            return operation.body_required
        return _is_json(media_type) and (declared_length(headers) or 0) <= JUDGED_BYTES

    async def _judged(
        self, operation: Operation, headers: RawHeaders, receive: Receive, send: Send
    ) -> tuple[Receive, Send]:
        messages: deque[Message] = deque()
        chunks: list[bytes] = []
        size, more = 0, has_body(headers)
        body = RequestBody(receive, headers, self._max_body_bytes)
        while more and size <= JUDGED_BYTES:
            message = await body.message()
            messages.append(message)
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            more = message.get("more_body", False)

        async def replay() -> Message:
            return messages.popleft() if messages else await receive()

        if more:
            return replay, send
        report = self._judge.judge(operation, b"".join(chunks))
        return replay, send if report is None else _reporting(send, report)


def _reporting(send: Send, report: Report) -> Send:
    async def with_report(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (REPORT_HEADER, report.header())]
        await send(message)

    return with_report


def _media_type(headers: RawHeaders) -> str | None:
    value = value_of(headers, b"content-type")
    return value.split(b";", 1)[0].strip().lower().decode("latin-1") if value else None


def _is_json(media_type: str | None) -> bool:
    return media_type == "application/json" or (media_type or "").endswith("+json")


def _check_media_type(operation: Operation, method: str, headers: RawHeaders, media_type: str | None) -> None:
    taken = operation.request_media_types
    if not taken or method not in _BODY_METHODS or not has_body(headers) or media_type in taken:
        return
    said = f"'{media_type}'" if media_type else "none"
    raise UnsupportedMediaType(
        f"Unsupported Content-Type: {said}; {operation.operation_id} takes {' or '.join(taken)}"
    )
