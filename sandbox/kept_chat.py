"""Chat completions that were asked to be stored: listed, and the messages that they answer."""

from starlette.responses import Response

from sandbox import pages, resources
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.store import Resource, weight

COMPLETIONS = "/chat/completions"


def keep(call: Call, completion: JsonObject, body: JsonObject) -> None:
    """Keep a completion with the ``metadata`` and the messages of its request."""
    facts = {**completion, "metadata": body.get("metadata") or {}}
    hidden = {"messages": body["messages"]}
    call.store.add(COMPLETIONS, Resource(facts["id"], facts, hidden=hidden, size=weight(body)))


def index(call: Call) -> Response:
    """Answer ``listChatCompletions``, of all or of those whose metadata has each ``metadata[key]``."""
    pairs = [(key[9:-1], value) for key, value in call.query.items() if key.startswith("metadata[")]
    kept = [
        one
        for one in call.store.all(COMPLETIONS)
        if all((one.facts.get("metadata") or {}).get(key) == value for key, value in pairs)
    ]
    return call.answer(pages.page(call, kept))


def messages(call: Call) -> Response:
    """Answer ``getChatCompletionMessages``: what the completion was asked with.

    The contract knows no role there but "assistant", so that is what every message says, whoever it is from.
    """
    completion = resources.found(call)
    asked = [
        _message(message, f"{completion.id}-{number}")
        for number, message in enumerate(completion.hidden["messages"])
    ]
    return call.answer(pages.page(call, [Resource(message["id"], message) for message in asked]))


def _message(message: JsonObject, name: str) -> JsonObject:
    content = message.get("content")
    parts = content if isinstance(content, list) else None
    text = content if isinstance(content, str) else None
    return {**message, "id": name, "content": text, "content_parts": parts, "refusal": message.get("refusal")}


HANDLERS: dict[str, Handler] = {
    "listChatCompletions": index,
    "getChatCompletionMessages": messages,
}
