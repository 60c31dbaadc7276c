from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI

from sandbox.contract import operations
from sandbox.render import valid

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def test_an_assistant_says_what_it_was_made_with(client: OpenAI, http: httpx.Client) -> None:
    made = client.beta.assistants.create(model="m", name="Tide", metadata={"a": "b"})
    assert (made.model, made.name, made.metadata, made.tools) == ("m", "Tide", {"a": "b"}, [])
    assert (made.description, made.instructions) == (None, None)
    assert client.beta.assistants.retrieve(made.id) == made
    assert made.id in [one.id for one in client.beta.assistants.list(limit=100)]
    assert client.beta.assistants.update(made.id, model="n", name="Moon").name == "Moon"
    answer = http.post(f"/assistants/{made.id}", json={"name": None}).json()
    assert (answer["name"], answer["model"]) == (None, "n")
    assert client.beta.assistants.delete(made.id).deleted is True
    with pytest.raises(NotFoundError, match=f"No assistant found with id '{made.id}'"):
        client.beta.assistants.retrieve(made.id)


def test_a_thread_is_made_changed_and_deleted(client: OpenAI) -> None:
    made = client.beta.threads.create(metadata={"a": "b"})
    assert client.beta.threads.retrieve(made.id) == made
    assert client.beta.threads.update(made.id, metadata={"c": "d"}).metadata == {"c": "d"}
    message = client.beta.threads.messages.create(made.id, role="user", content="Hello")
    gone = client.beta.threads.delete(made.id)
    assert (gone.deleted, gone.object) == (True, "thread.deleted")
    with pytest.raises(NotFoundError, match=f"No thread found with id '{made.id}'"):
        client.beta.threads.messages.retrieve(message.id, thread_id=made.id)


def test_a_thread_begins_with_messages(client: OpenAI, http: httpx.Client) -> None:
    parts: list[Any] = [{"type": "text", "text": "Look:"}, IMAGE]
    made = client.beta.threads.create(
        messages=[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": parts}]
    )
    first, second = client.beta.threads.messages.list(made.id, order="asc")
    assert [part.to_dict() for part in first.content] == [
        {"type": "text", "text": {"value": "Hello", "annotations": []}}
    ]
    assert [part.type for part in second.content] == ["text", "image_url"]
    assert (first.role, first.thread_id, first.status, first.run_id) == ("user", made.id, "completed", None)
    assert first.id != second.id
    answer = http.get(f"/threads/{made.id}/messages").json()
    assert valid(operations()["listMessages"].answer or {}, answer)
    assert [message["id"] for message in answer["data"]] == [second.id, first.id]


def test_a_message_is_changed_and_deleted(client: OpenAI) -> None:
    thread = client.beta.threads.create().id
    messages = client.beta.threads.messages
    [made, other] = [messages.create(thread, role="user", content="Hello") for _ in range(2)]
    assert made.id != other.id
    assert messages.update(made.id, thread_id=thread, metadata={"a": "b"}).metadata == {"a": "b"}
    assert messages.retrieve(made.id, thread_id=thread).metadata == {"a": "b"}
    assert messages.delete(made.id, thread_id=thread).deleted is True
    assert [one.id for one in messages.list(thread)] == [other.id]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user"}, "content"),
        ({"role": "critic", "content": "x"}, "role"),
        ({"role": "user", "content": 1}, "content"),
        ({"role": "user", "content": ["x"]}, "content[0]"),
        ({"role": "user", "content": [{"type": "text"}]}, "content[0].text"),
        ({"role": "user", "content": [{"type": "text", "text": {}}]}, "content[0].text"),
    ],
)
def test_a_message_that_cannot_be_is_refused(http: httpx.Client, message: Any, param: str) -> None:
    thread = http.post("/threads", json={}).json()["id"]
    answer = http.post(f"/threads/{thread}/messages", json=message)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    answer = http.post("/threads", json={"messages": [message]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, f"messages[0].{param}")
