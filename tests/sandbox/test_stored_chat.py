from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI

from sandbox.contract import operations
from sandbox.render import properties, valid
from sandbox.server import SandboxServer

ASKED: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Say exactly: yes"}]},
]
SHOWN = properties(operations()["getChatCompletion"].answer or {})


def keep(client: OpenAI, model: str = "m", **metadata: str) -> str:
    made = client.chat.completions.create(model=model, messages=ASKED, store=True, metadata=metadata)
    return made.id


def test_a_completion_is_kept_where_it_is_asked_for(client: OpenAI) -> None:
    made = client.chat.completions.create(model="m", messages=ASKED, store=True, metadata={"team": "sea"})
    kept = client.chat.completions.retrieve(made.id)
    assert kept.choices == made.choices
    # OpenAI's document of July 2026 has no room for metadata in what is retrieved.
    assert kept.to_dict().get("metadata") == ({"team": "sea"} if "metadata" in SHOWN else None)
    silent = client.chat.completions.create(model="m", messages=ASKED)
    with pytest.raises(NotFoundError):
        client.chat.completions.retrieve(silent.id)


def test_a_streamed_completion_is_kept_whole(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="m", messages=ASKED, store=True, stream=True))
    assert client.chat.completions.retrieve(chunks[0].id).choices[0].message.content == "yes"


def test_completions_are_listed_and_filtered(fresh: SandboxServer) -> None:
    with OpenAI(api_key="k", base_url=fresh.base_url) as client:
        names = [keep(client, "m", team="sea"), keep(client, "n", team="sea"), keep(client, "m", team="air")]
        completions = client.chat.completions
        assert [one.id for one in completions.list(limit=1)] == names
        assert [one.id for one in completions.list(order="desc")] == names[::-1]
        assert [one.id for one in completions.list(model="m")] == [names[0], names[2]]
        assert [one.id for one in completions.list(metadata={"team": "sea"})] == names[:2]
        assert [one.id for one in completions.list(metadata={"team": "sea", "no": "x"})] == []
        assert [one.id for one in completions.list(after=names[1])] == names[2:]


def test_a_completions_metadata_is_changed(client: OpenAI) -> None:
    name = keep(client, team="sea")
    client.chat.completions.update(name, metadata={"team": "air, changed"})
    assert [one.id for one in client.chat.completions.list(metadata={"team": "air, changed"})] == [name]


def test_a_deleted_completion_is_gone(client: OpenAI) -> None:
    name = keep(client, for_="deletion")
    gone = client.chat.completions.delete(name)
    assert gone.to_dict() == {"id": name, "object": "chat.completion.deleted", "deleted": True}
    with pytest.raises(NotFoundError):
        client.chat.completions.delete(name)


def test_the_messages_of_a_completion_are_listed(client: OpenAI, http: httpx.Client) -> None:
    name = keep(client, about="messages")
    found = list(client.chat.completions.messages.list(name, limit=1))
    assert [message.id for message in found] == [f"{name}-0", f"{name}-1"]
    assert found[0].content == "Be brief."
    assert found[1].to_dict()["content_parts"] == ASKED[1]["content"]
    answer = http.get(f"/chat/completions/{name}/messages").json()
    assert valid(operations()["getChatCompletionMessages"].answer or {}, answer)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", ""), ("DELETE", ""), ("GET", "/messages")]
)
def test_what_is_not_stored_is_not_found(http: httpx.Client, method: str, path: str) -> None:
    answer = http.request(method, f"/chat/completions/chatcmpl-0{path}", json={"metadata": {}})
    assert answer.status_code == 404
    assert "chatcmpl-0" in answer.json()["error"]["message"]
