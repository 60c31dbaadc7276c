"""``POST /v1/embeddings``: unit vectors that follow from a hash of the model's name and the input."""

import base64
import hashlib
import json
import math
import struct
import sys
from array import array
from typing import Any

from starlette.responses import JSONResponse

from sandbox import errors, fields, tokens
from sandbox.bodies import JsonObject, parse_object
from sandbox.call import Call, Handler

DIMENSIONS = {"text-embedding-3-large": 3072}
DEFAULT_DIMENSIONS = 1536
MAX_INPUTS = 2048

_FORMATS = ("float", "base64")
_KINDS = {
    "model": fields.STRING,
    "input": fields.STRING_OR_ARRAY,
    "dimensions": fields.INTEGER,
    "encoding_format": fields.STRING,
    "user": fields.STRING,
}


def create(call: Call) -> JSONResponse:
    """Answer ``createEmbedding``: ``{object: "list", model, data: [{object, index, embedding}], usage}``.

    ``embedding`` is an array of numbers, or with ``encoding_format: "base64"`` the same numbers as
    little-endian 32-bit floats in base64. Fewer ``dimensions`` are the first ones of the longer vector,
    brought to length one again.
    """
    body = parse_object(call.body)
    model = _check(body)
    inputs = _inputs(body["input"])
    size = body.get("dimensions") or _dimensions(model)
    encode = _base64 if body.get("encoding_format") == "base64" else array.tolist
    data = [
        {"object": "embedding", "index": index, "embedding": encode(_vector(model, given, size))}
        for index, given in enumerate(inputs)
    ]
    used = sum(tokens.count(given) if isinstance(given, str) else len(given) for given in inputs)
    usage = {"prompt_tokens": used, "total_tokens": used}
    return JSONResponse({"object": "list", "data": data, "model": model, "usage": usage})


def _check(body: JsonObject) -> str:
    model = fields.named(body, "model")
    fields.require(body, ["input"])
    fields.check(body, _KINDS)
    fields.bounded(body, "dimensions", 1, _dimensions(model))
    encoding = body.get("encoding_format")
    if encoding is not None and encoding not in _FORMATS:
        raise errors.unsupported("encoding_format", encoding, _FORMATS)
    return model


def _dimensions(model: str) -> int:
    return DIMENSIONS.get(model, DEFAULT_DIMENSIONS)


def _inputs(given: str | list[Any]) -> list[str | list[int]]:
    if isinstance(given, str):
        return [given]
    if not given:
        raise errors.empty("input", "array")
    if fields.INTEGER.accepts(given[0]):
        return [_token_list(given, "input")]
    if len(given) > MAX_INPUTS:
        raise errors.too_many("input", MAX_INPUTS, len(given))
    kind = fields.ARRAY if isinstance(given[0], list) else fields.STRING
    for index, value in enumerate(given):
        if not kind.accepts(value):
            raise errors.wrong_type(f"input[{index}]", kind.name, value)
        if kind is fields.ARRAY:
            _token_list(value, f"input[{index}]")
    return given


def _token_list(given: list[Any], param: str) -> list[int]:
    if not given:
        raise errors.empty(param, "array")
    for index, value in enumerate(given):
        if not fields.INTEGER.accepts(value):
            raise errors.wrong_type(f"{param}[{index}]", fields.INTEGER.name, value)
    return given


def _vector(model: str, given: str | list[int], size: int) -> "array[float]":
    seed = json.dumps([model, given]).encode()
    raw = struct.unpack(f"<{size}i", hashlib.shake_256(seed).digest(4 * size))
    length = math.hypot(*raw) or 1.0
    return array("f", [number / length for number in raw])


def _base64(vector: "array[float]") -> str:
    if sys.byteorder == "big":
        vector.byteswap()
    return base64.b64encode(vector.tobytes()).decode()


HANDLERS: dict[str, Handler] = {"createEmbedding": create}
