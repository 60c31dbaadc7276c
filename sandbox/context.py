"""What a response goes on from: the turns of the response before it, or the items of its conversation."""

from dataclasses import dataclass

from sandbox import fields
from sandbox.bodies import JsonObject
from sandbox.call import Call
from sandbox.errors import ApiError
from sandbox.families import family
from sandbox.items import written_out
from sandbox.prompt import Prompt, from_input
from sandbox.store import Resource, Store

RESPONSES = "/responses"
CONVERSATIONS = "/conversations"

_KINDS = {"conversation": fields.STRING_OR_OBJECT, "previous_response_id": fields.STRING}


@dataclass(frozen=True)
class Context:
    """The items that were said before, oldest first, and the conversation that they are of, if any."""

    items: list[JsonObject]
    conversation: Resource | None = None

    def prompt(self, body: JsonObject) -> Prompt:
        """Return what a request asks in this context; a bad item of its ``input`` is a 400."""
        given = body.get("input")
        asked = fields.objects(given, "input") if isinstance(given, list) else given
        return from_input(asked, body.get("instructions"), before=self.items)

    def extend(self, store: Store, items: list[JsonObject]) -> None:
        """Add items to the conversation, if there is one."""
        if self.conversation is not None:
            add_items(store, self.conversation, items)


def context_of(call: Call, body: JsonObject) -> Context:
    """Return the context that a request names; 400 or 404 where there is none of that id."""
    fields.check(body, _KINDS)
    previous, conversation = body.get("previous_response_id"), body.get("conversation")
    if previous is not None and conversation is not None:
        message = (
            "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. "
            "Ensure you are only providing one of them."
        )
        raise ApiError(400, message, code="mutually_exclusive_parameters")
    if previous is not None:
        return Context(_turns(call.store, previous))
    if conversation is None:
        return Context([])
    name = conversation
    if isinstance(conversation, dict):
        fields.require(conversation, ["id"], within="conversation")
        fields.check(conversation, {"id": fields.STRING}, within="conversation")
        name = conversation["id"]
    found = call.store.find(CONVERSATIONS, name)
    if found is None:
        raise family(CONVERSATIONS).unknown(name)
    return Context([item.facts for item in call.store.all(_items(found))], found)


def add_items(store: Store, conversation: Resource, items: list[JsonObject]) -> list[Resource]:
    """Keep items as the newest of a conversation."""
    return [store.add(_items(conversation), Resource(item["id"], item)) for item in items]


def input_items(response: Resource) -> list[JsonObject]:
    """Return the items that a kept response was asked with."""
    return written_out(response.hidden["answer"].body.get("input"), response.id)


def _items(conversation: Resource) -> str:
    return f"{CONVERSATIONS}/{conversation.id}/items"


def _turns(store: Store, name: str) -> list[JsonObject]:
    """The input and output of a response and of those before it, as far back as they are kept."""
    kept = store.find(RESPONSES, name)
    if kept is None:
        message = f"Previous response with id '{name[:200]}' not found."
        raise ApiError(400, message, param="previous_response_id", code="previous_response_not_found")
    turns: list[list[JsonObject]] = []
    while kept is not None:
        turns.append([*input_items(kept), *kept.facts["output"]])
        kept = store.find(RESPONSES, kept.facts["previous_response_id"] or "")
    return [item for turn in reversed(turns) for item in turn]
