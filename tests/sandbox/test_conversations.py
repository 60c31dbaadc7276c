from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI

from sandbox.contract import document, operations
from sandbox.instance import minimal
from sandbox.items import _forms, kinds
from sandbox.render import valid

HELLO: Any = {"role": "user", "content": "Hello"}


def test_a_conversation_is_made_and_changed(client: OpenAI) -> None:
    made = client.conversations.create(metadata={"topic": "tides"})
    assert made.metadata == {"topic": "tides"}
    assert client.conversations.retrieve(made.id) == made
    assert client.conversations.update(made.id, metadata={"topic": "moon"}).metadata == {"topic": "moon"}
    assert client.conversations.create().metadata == {}


def test_a_deleted_conversation_is_gone_with_its_items(client: OpenAI) -> None:
    made = client.conversations.create(items=[HELLO])
    gone = client.conversations.delete(made.id)
    assert gone.to_dict() == {"id": made.id, "object": "conversation.deleted", "deleted": True}
    with pytest.raises(NotFoundError, match=f"Conversation with id '{made.id}' not found"):
        client.conversations.items.list(made.id)


def test_items_are_answered_as_a_list(client: OpenAI) -> None:
    made = client.conversations.create()
    call: Any = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    added = client.conversations.items.create(made.id, items=[HELLO, call])
    assert [str(item.id).partition("_")[0] for item in added.data] == ["msg", "fc"]
    assert (added.first_id, added.last_id) == (added.data[0].id, added.data[1].id)
    again = client.conversations.items.create(made.id, items=[HELLO])
    items = list(
        client.conversations.items.list(made.id, order="asc", include=["reasoning.encrypted_content"])
    )
    assert [item.id for item in items] == [item.id for item in [*added.data, *again.data]]
    assert [item.id for item in client.conversations.items.list(made.id, limit=1)] == [
        item.id for item in items[::-1]
    ]
    assert [item.id for item in client.conversations.items.list(made.id, after=str(items[1].id))] == [
        items[0].id
    ]


def test_an_item_is_found_and_deleted(client: OpenAI) -> None:
    made = client.conversations.create(items=[HELLO])
    [item] = client.conversations.items.list(made.id)
    name = str(item.id)
    assert client.conversations.items.retrieve(name, conversation_id=made.id) == item
    assert client.conversations.items.delete(name, conversation_id=made.id).id == made.id
    assert list(client.conversations.items.list(made.id)) == []
    with pytest.raises(NotFoundError, match="Item with id"):
        client.conversations.items.retrieve(name, conversation_id=made.id)


def test_what_a_response_said_can_be_an_item(client: OpenAI) -> None:
    tool: Any = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
    for forced in ({}, {"tools": [tool], "tool_choice": "required"}):
        said: Any = client.responses.create(model="m", input="Hello", **forced).output  # type: ignore[call-overload]
        made = client.conversations.create(items=said)
        [item] = client.conversations.items.list(made.id)
        assert item.to_dict() == said[0].to_dict()
        whole: Any = [one.model_dump() for one in said]
        assert client.conversations.items.create(made.id, items=whole).data[0] == item


@pytest.mark.parametrize("kind", kinds())
def test_an_item_of_each_type_is_answered(http: httpx.Client, kind: str) -> None:
    [form, *_] = _forms(kind)
    made = http.post("/conversations", json={"items": [minimal(form, kind, document())]}).json()
    answer = http.get(f"/conversations/{made['id']}/items").json()
    assert [item["type"] for item in answer["data"]] == [kind]
    assert valid(operations()["listConversationItems"].answer or {}, answer)


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([HELLO] * 21, "items"),
        ([{}], "items[0].type"),
        ([HELLO, {"type": "poem"}], "items[1].type"),
        (["Hello"], "items[0]"),
        ("Hello", "items"),
        ([{"role": "user"}], "items[0].content"),
        ([{"type": "message", "role": 5, "content": "Hello"}], "items[0].role"),
        ([{**HELLO, "role": "tool"}], "items[0]"),
        ([{**HELLO, "content": 7}], "items[0].content"),
        ([{**HELLO, "content": [{"type": "poem"}]}], "items[0]"),
        ([{**HELLO, "id": "a/b"}], "items[0].id"),
        ([{**HELLO, "id": 5}], "items[0].id"),
        ([{"type": "function_call"}], "items[0].arguments"),
    ],
)
def test_items_that_cannot_be_are_refused(http: httpx.Client, items: Any, param: str) -> None:
    made = http.post("/conversations", json={}).json()["id"]
    for path in ("/conversations", f"/conversations/{made}/items"):
        answer = http.post(path, json={"items": items})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param
