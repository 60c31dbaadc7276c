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
        raise too_large(MAX_BYTES)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise too_large(MAX_BYTES)
    return bytes(body)


def too_large(limit: int, what: str = "The request body") -> ApiError:
    """Return the 413 for a request of more than ``limit`` bytes."""
    return ApiError(413, f"{what} is larger than the limit of {limit} bytes.", code="request_too_large")


def parse_object(body: bytes) -> JsonObject:
    """Return the JSON object that a body holds; anything else is a 400."""
    value = parse(body)
    if not isinstance(value, dict):
        message = f"Invalid request body: expected an object, but got {type_name(value)} instead."
        raise ApiError(400, message, code="invalid_type")
    return value


def parse(body: bytes) -> Any:
    """Return the JSON value that bytes hold; anything else is a 400.

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
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level: list[Any] = [[value]]
    for _ in range(MAX_LEVELS + 1):
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
