"""Conversations: items in the order in which they were said."""

from starlette.responses import Response

from sandbox import errors, pages, resources
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.context import add_items
from sandbox.fields import objects
from sandbox.items import check as check_item
from sandbox.items import written_out
from sandbox.requests import check

MAX_ITEMS = 20


def create(call: Call) -> Response:
    """Answer ``createConversation``, with the items that it begins with."""
    check(call)
    given = _given(call)
    conversation = resources.made(call, items=None)
    add_items(call.store, conversation, written_out(given, conversation.id))
    return call.answer(conversation.facts)


def add(call: Call) -> Response:
    """Answer ``createConversationItems``: the items that were added, written out."""
    check(call)
    *_, conversation = resources.ancestors(call)
    items = written_out(_given(call), call.fresh().made("items_"))
    added = add_items(call.store, conversation, items)
    return call.answer(pages.listed(call, [item.facts for item in added]))


def delete_item(call: Call) -> Response:
    """Answer ``deleteConversationItem``: the conversation that it was deleted from."""
    conversation, item = resources.ancestors(call)
    call.store.remove(call.collection, item.id)
    return call.answer(conversation.facts)


def _given(call: Call) -> list[JsonObject]:
    """The items of a request; more than 20, and one that is none of the contract's, are 400s."""
    given = objects(call.given.get("items") or [], "items")
    if len(given) > MAX_ITEMS:
        raise errors.too_many("items", MAX_ITEMS, len(given))
    for index, item in enumerate(given):
        check_item(item, f"items[{index}]")
    return given


HANDLERS: dict[str, Handler] = {
    "createConversation": create,
    "createConversationItems": add,
    "deleteConversationItem": delete_item,
}
