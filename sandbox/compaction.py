"""What is made of a response's input without answering it: a shorter form, and the count of its tokens."""

import base64
import hashlib

from starlette.responses import Response

from sandbox import fields, tokens
from sandbox.call import Call, Handler
from sandbox.context import context_of
from sandbox.items import LENGTH, kind_of, written_out
from sandbox.requests import check
from sandbox.response_object import usage


def compact(call: Call) -> Response:
    """Answer ``Compactconversation``: what the user said, and all else in one item that nobody can read."""
    # The overlay lets the relay's clients leave it out, and the relay fills it in.
    fields.require(call.given, ["model"])
    check(call)
    context = context_of(call, call.given)
    prompt = context.prompt(call.given)
    name = call.ids.response()
    items = [*context.items, *written_out(call.given.get("input"), name)]
    secret = base64.b64encode(hashlib.sha256(repr(items).encode()).digest()).decode()
    compaction = {"id": call.ids.made("cmp_", LENGTH), "type": "compaction", "encrypted_content": secret}
    said = [item for item in items if kind_of(item) == "message" and item.get("role") == "user"]
    return call.answer(
        {
            "id": name,
            "created_at": call.ids.created(),
            "output": [*said, compaction],
            "usage": usage(prompt.tokens, tokens.count(secret)),
        }
    )


def count(call: Call) -> Response:
    """Answer ``Getinputtokencounts``."""
    check(call)
    return call.answer({"input_tokens": context_of(call, call.given).prompt(call.given).tokens})


_OWN = {"Compactconversation": compact, "Getinputtokencounts": count}
HANDLERS: dict[str, Handler] = {
    f"{variant}{name}": own for name, own in _OWN.items() for variant in ("", "beta_")
}
