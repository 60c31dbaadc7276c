"""Images: plain surfaces whose shade follows from the request."""

import base64
import hashlib
import re
from collections.abc import Iterator

from starlette.responses import Response

from sandbox import errors, events, fields, tokens
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.errors import ApiError
from sandbox.pictures import PICTURES
from sandbox.requests import check

MAX_IMAGES = 10
_SIZE = "1024x1024"
_IMAGE_TOKENS = 272
_MAX_SIDE = 4_096
_SHAPE = re.compile(r"([0-9]{1,4})x([0-9]{1,4})")


def create(call: Call) -> Response:
    """Answer ``createImage``, and with ``stream`` its events."""
    check(call)
    return _answer(call, "image_generation")


def edit(call: Call) -> Response:
    """Answer ``createImageEdit``, of a form or of JSON, and with ``stream`` its events."""
    check(call)
    if call.form is None:
        images = fields.objects(call.given["images"], "images")
        if not images:
            raise errors.empty("images", "array")
    return _answer(call, "image_edit")


def vary(call: Call) -> Response:
    """Answer ``createImageVariation``."""
    check(call)
    return _answer(call, "image_variation")


def _answer(call: Call, kind: str) -> Response:
    fields.bounded(call.given, "n", 1, MAX_IMAGES)
    count = call.given.get("n") or 1
    background, quality = call.given.get("background"), call.given.get("quality")
    look = {
        "background": background if background == "transparent" else "opaque",
        "output_format": call.given.get("output_format") or "png",
        "quality": quality if quality in {"low", "medium"} else "high",
        "size": _size(call.given.get("size") or _SIZE),
    }
    if call.flag("stream"):
        return call.stream(_events(call, kind, look))
    images = [_image(call, kind, look, index) for index in range(count)]
    facts = {"created": call.ids.created(), "data": images, **look, "usage": _usage(call, count)}
    return call.answer(facts)


def _events(call: Call, kind: str, look: JsonObject) -> Iterator[bytes]:
    given = call.given.get("partial_images") or 0
    head = {"created_at": call.ids.created(), **look}
    for index in range(given):
        image = {"b64_json": _drawn(look, _shade(call, index))}
        event = {"type": f"{kind}.partial_image", "partial_image_index": index, **image, **head}
        yield events.frame(event, event["type"])
    image = {"b64_json": _drawn(look, _shade(call, given))}
    event = {"type": f"{kind}.completed", **image, **head, "usage": _usage(call, 1)}
    yield events.frame(event, event["type"])


def _image(call: Call, kind: str, look: JsonObject, index: int) -> JsonObject:
    drawn = _drawn(look, _shade(call, index))
    # The dall-e models, which alone vary images, give URLs where nothing else is asked for.
    dall_e = (call.given.get("model") or "").startswith("dall-e") or kind == "image_variation"
    if (call.given.get("response_format") or ("url" if dall_e else "b64_json")) == "url":
        return {"url": f"data:image/{look['output_format']};base64,{drawn}"}
    return {"b64_json": drawn}


def _shade(call: Call, index: int) -> int:
    return hashlib.sha256(f"{call.ids.request()} {index}".encode()).digest()[0]


def _drawn(look: JsonObject, shade: int) -> str:
    width, height = map(int, look["size"].split("x"))
    return base64.b64encode(PICTURES[look["output_format"]](width, height, shade)).decode()


def _size(given: str) -> str:
    """The size of an image that is asked for; 400 for what is none, or over 4,096 pixels wide or high."""
    size = _SIZE if given == "auto" else given
    match = _SHAPE.fullmatch(size)
    if match is None or not all(0 < int(side) <= _MAX_SIDE for side in match.groups()):
        message = f"Invalid size '{given[:40]}'. Expected 'auto' or WIDTHxHEIGHT, each from 1 to {_MAX_SIDE}."
        raise ApiError(400, message, param="size", code="invalid_value")
    return size


def _usage(call: Call, count: int) -> JsonObject:
    asked, made = tokens.count(str(call.given.get("prompt", ""))), _IMAGE_TOKENS * count
    return {
        "input_tokens": asked,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": asked},
        "output_tokens": made,
        "total_tokens": asked + made,
    }


HANDLERS: dict[str, Handler] = {
    "createImage": create,
    "createImageEdit": edit,
    "createImageVariation": vary,
}
