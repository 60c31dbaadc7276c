"""Reading a request's body: its size, its encoding, its JSON."""

import json
import re
from typing import Any, NoReturn, TypeAlias

from starlette.requests import Request

from sandbox.errors import ApiError, type_name

JsonObject: TypeAlias = dict[str, Any]

MAX_BYTES = 64 * 1024 * 1024
MAX_LEVELS = 128

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


async def read_body(request: Request) -> bytes:
    """Return the whole body; one over 64 MiB, declared or found while reading, is a 413."""
    declared = request.headers.get("content-length", "0")
    if int(declared) > MAX_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise _too_large()
    return bytes(body)


def parse_object(body: bytes) -> JsonObject:
    """Return the JSON object that a body holds; anything else is a 400.

    Refused as well is what could not be said again in an answer: NaN and infinities, lone surrogates, and
    values nested deeper than 128 levels.
    """
    try:
        text = body.decode()
        value = json.loads(text, parse_float=_finite, parse_constant=_refuse)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _not_json(str(error)) from error
    if not isinstance(value, dict):
        message = f"Invalid request body: expected an object, but got {type_name(value)} instead."
        raise ApiError(400, message, code="invalid_type")
    _check_depth(value)
    return value


def _check_depth(value: JsonObject) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_LEVELS):
        level = [child for node in level for child in _children(node) if isinstance(child, (dict, list))]
        if not level:
            return
    raise _not_json(f"nested deeper than {MAX_LEVELS} levels")


def _children(node: dict[str, Any] | list[Any]) -> list[Any]:
    return node if isinstance(node, list) else list(node.values())


def _finite(literal: str) -> float:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        _refuse(literal)
    return value


def _refuse(literal: str) -> NoReturn:
    raise ValueError(f"{literal[:20]} is out of range")


def _not_json(reason: str) -> ApiError:
    return ApiError(400, f"We could not parse the JSON body of your request: {reason[:200]}.")


def _too_large() -> ApiError:
    message = f"The request body is larger than the limit of {MAX_BYTES} bytes."
    return ApiError(413, message, code="request_too_large")
