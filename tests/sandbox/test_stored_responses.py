import json
import re
from typing import Any

import httpx
import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from sandbox.contract import EVENTS, Operation, operations
from sandbox.render import valid
from tests.sandbox.conftest import Contract, events

CALL: list[Any] = [
    {"role": "user", "content": "What time is it?"},
    {"role": "assistant", "content": "I will look."},
    {"type": "function_call", "call_id": "c", "name": "clock", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "noon"},
    {"role": "user", "content": [{"type": "input_text", "text": "And now?"}]},
]
MISSING = "resp_" + "0" * 48


def variant(name: str) -> Operation:
    return operations()[name].variants["beta=true"]


def played(body: str) -> list[Any]:
    return [json.loads(data) for _, data in events(body)]


def test_a_response_is_kept_as_it_was_answered(client: OpenAI) -> None:
    made = client.responses.create(model="m", input="Keep this.")
    assert client.responses.retrieve(made.id) == made


def test_a_response_that_is_not_stored_is_not_kept(client: OpenAI) -> None:
    made = client.responses.create(model="m", input="Forget this.", store=False)
    with pytest.raises(NotFoundError, match=f"Response with id '{made.id}' not found."):
        client.responses.retrieve(made.id)


def test_a_deleted_response_is_gone(client: OpenAI, http: httpx.Client) -> None:
    made = client.responses.create(model="m", input="Delete this.")
    answer = http.delete(f"/responses/{made.id}")
    assert answer.json() == {"id": made.id, "object": "response", "deleted": True}
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")]:
        assert http.request(method, f"/responses/{made.id}{path}").status_code == 404


def test_an_equal_request_replaces_the_kept_response(client: OpenAI) -> None:
    [first, second] = [client.responses.create(model="m", input="Twice.") for _ in range(2)]
    assert first == second
    client.responses.delete(first.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(first.id)


def test_input_items_are_written_out_and_paged(client: OpenAI, http: httpx.Client) -> None:
    made = client.responses.create(model="m", input=CALL)
    items = list(client.responses.input_items.list(made.id, order="asc", limit=2))
    assert [item.type for item in items] == [
        "message", "message", "function_call", "function_call_output", "message"
    ]  # fmt: skip
    assert [str(item.id).partition("_")[0] for item in items] == ["msg", "msg", "fc", "fco", "msg"]
    assert len({item.id for item in items}) == len(CALL)
    newest_first = list(client.responses.input_items.list(made.id))
    assert newest_first == items[::-1]
    answer = http.get(f"/responses/{made.id}/input_items").json()
    assert valid(operations()["listInputItems"].answer or {}, answer)
    assert answer["data"][0]["content"] == [{"type": "input_text", "text": "And now?"}]
    assert answer["data"][3]["content"][0] == {
        "type": "output_text", "text": "I will look.", "annotations": [], "logprobs": []
    }  # fmt: skip


def test_a_string_is_one_input_item(client: OpenAI) -> None:
    made = client.responses.create(model="m", input="Just this.")
    [item] = client.responses.input_items.list(made.id)
    assert item.to_dict()["content"] == [{"type": "input_text", "text": "Just this."}]


@pytest.mark.parametrize("query", ["", "?beta=true"])
def test_events_are_played_again_from_where_they_broke(http: httpx.Client, query: str) -> None:
    body = {"model": "m", "input": f"Play it again{query}.", "stream": True}
    first = played(http.post(f"/responses{query}", json=body).text)
    place = f"/responses/{first[0]['response']['id']}"
    glue = "&" if query else "?"
    again = http.get(f"{place}{query}{glue}stream=true")
    assert again.headers["content-type"].startswith("text/event-stream")
    assert played(again.text) == first
    assert played(http.get(f"{place}{query}{glue}stream=true&starting_after=3").text) == first[4:]
    schema = variant("createResponse").answers[EVENTS]
    assert all(valid(schema, event) for event in first)


def test_openais_client_resumes_a_stream(client: OpenAI) -> None:
    with client.responses.stream(model="m", input="Say exactly: one two", background=True) as begun:
        first = next(iter(begun))
    assert first.type == "response.created"
    with client.responses.stream(response_id=first.response.id, starting_after=first.sequence_number) as rest:
        assert rest.get_final_response().output_text == "one two"
    assert client.responses.retrieve(first.response.id).status == "completed"


def test_a_background_response_advances_when_it_is_looked_at(client: OpenAI, contract: Contract) -> None:
    made = client.responses.create(model="m", input="Say exactly: done", background=True)
    assert (made.status, made.output) == ("queued", [])
    seen = [client.responses.retrieve(made.id) for _ in range(3)]
    assert [one.status for one in seen] == ["in_progress", "completed", "completed"]
    assert seen[-1].output_text == "done"
    for one in (made, *seen):
        contract.judge("Response", one.to_dict())


def test_a_background_response_streams_from_the_queue(http: httpx.Client, contract: Contract) -> None:
    body = {"model": "m", "input": "Queue up.", "background": True, "stream": True}
    found = played(http.post("/responses", json=body).text)
    assert [event["type"] for event in found[:3]] == [
        "response.created", "response.queued", "response.in_progress"
    ]  # fmt: skip
    assert [event["response"]["status"] for event in found[:3]] == ["queued", "queued", "in_progress"]
    for event in found:
        contract.judge("ResponseStreamEvent", event)
    place = f"/responses/{found[0]['response']['id']}"
    assert http.get(place).json() == found[-1]["response"]
    assert played(http.get(f"{place}?stream=true").text) == found


def test_only_a_background_response_can_be_cancelled(client: OpenAI) -> None:
    made = client.responses.create(model="m", input="Stop me.", background=True)
    assert [client.responses.cancel(made.id).status for _ in range(2)] == ["cancelled", "cancelled"]
    assert client.responses.retrieve(made.id).status == "cancelled"
    assert [event.type for event in client.responses.retrieve(made.id, stream=True)] == [
        "response.created", "response.queued"
    ]  # fmt: skip
    ended = client.responses.create(model="m", input="Too late.", background=True)
    for _ in range(2):
        client.responses.retrieve(ended.id)
    assert client.responses.cancel(ended.id).status == "completed"
    whole = client.responses.create(model="m", input="Stop me.")
    with pytest.raises(BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(whole.id)


def test_earlier_turns_are_context(client: OpenAI) -> None:
    first = client.responses.create(model="m", input="Say exactly: pong")
    second = client.responses.create(
        model="m",
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": "c", "output": "x"}],
    )
    assert second.output_text == "pong"
    third = client.responses.create(model="m", previous_response_id=second.id, input="Hello")
    alone = client.responses.create(model="m", input="Hello")
    assert [one.usage.input_tokens if one.usage else 0 for one in (alone, third)] == [6, 6 + 9 + 5 + 5 + 5]
    [item] = client.responses.input_items.list(third.id)
    assert item.to_dict()["content"] == [{"type": "input_text", "text": "Hello"}]


def test_a_response_before_has_to_be_there(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="m", input="Go on.", previous_response_id=MISSING)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"
    assert f"Previous response with id '{MISSING}' not found." in caught.value.message


def test_a_conversation_takes_in_what_is_said(client: OpenAI) -> None:
    conversation = client.conversations.create(items=[{"role": "user", "content": "Say exactly: yes"}])
    asked = [{"type": "function_call_output", "call_id": "c", "output": "x"}]
    made = [
        client.responses.create(model="m", input=asked, conversation=conversation.id)  # type: ignore[arg-type]
        for _ in range(2)
    ]
    assert [one.output_text for one in made] == ["yes", "yes"]
    assert made[0].id != made[1].id
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    assert [item.type for item in items] == ["message", *["function_call_output", "message"] * 2]
    assert [item.id for item in items[2::2]] == [one.output[0].id for one in made]


def test_a_conversation_has_to_be_there(client: OpenAI) -> None:
    with pytest.raises(NotFoundError, match="Conversation with id 'conv_0' not found"):
        client.responses.create(model="m", input="Go on.", conversation="conv_0")
    made = client.responses.create(model="m", input="x")
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(
            model="m", input="Go on.", conversation="conv_0", previous_response_id=made.id
        )
    assert caught.value.code == "mutually_exclusive_parameters"


def test_a_context_is_compacted(client: OpenAI, http: httpx.Client) -> None:
    first = client.responses.create(model="m", input="Tell me about tides.")
    made = client.responses.compact(model="m", previous_response_id=first.id, input="And the moon?")
    assert made.object == "response.compaction"
    assert [item.type for item in made.output] == ["message", "message", "compaction"]
    assert made.usage.input_tokens > (first.usage.input_tokens if first.usage else 0)
    body = {"model": "m", "previous_response_id": first.id, "input": "And the moon?"}
    output = http.post("/responses/compact", json=body).json()["output"]
    assert [item["content"][0]["text"] for item in output[:2]] == ["Tell me about tides.", "And the moon?"]
    again = http.post("/responses", json={"model": "m", "input": output})
    assert "And the moon?" in again.text


def test_input_tokens_are_counted_without_an_answer(client: OpenAI) -> None:
    made = client.responses.create(model="m", input="Tell me about tides.")
    counted = client.responses.input_tokens.count(model="m", input="Tell me about tides.")
    assert made.usage is not None
    assert counted.input_tokens == made.usage.input_tokens
    more = client.responses.input_tokens.count(model="m", input="Hi", previous_response_id=made.id)
    assert more.input_tokens > counted.input_tokens


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/compact", {"model": "m", "input": 1}),
        ("/compact", {"input": "x"}),
        ("/compact", {"model": "m", "input": "x", "conversation": ["x"]}),
        ("/input_tokens", {"input": ["x"]}),
        ("/input_tokens", {"conversation": {}}),
        ("/input_tokens", {"previous_response_id": MISSING}),
    ],
)
def test_what_cannot_be_is_refused(http: httpx.Client, path: str, body: dict[str, Any]) -> None:
    assert http.post(f"/responses{path}", json=body).status_code == 400


def test_the_variant_answers_in_its_own_form(http: httpx.Client) -> None:
    asked = {"model": "m", "input": CALL, "background": True, "user": "beta"}
    made = http.post("/responses?beta=true", json=asked)
    place = f"/responses/{made.json()['id']}"
    compacted = {"model": "m", "input": CALL}
    answers = {
        "createResponse": made,
        "listInputItems": http.get(f"{place}/input_items?beta=true"),
        "getResponse": http.get(f"{place}?beta=true"),
        "cancelResponse": http.post(f"{place}/cancel?beta=true"),
        "Compactconversation": http.post("/responses/compact?beta=true", json=compacted),
        "Getinputtokencounts": http.post("/responses/input_tokens?beta=true", json={"input": CALL}),
    }
    for name, answer in answers.items():
        assert answer.status_code == 200, answer.text
        assert valid(variant(name).answer or {}, answer.json()), name
    assert answers["cancelResponse"].json()["status"] == "cancelled"
    assert len(answers["listInputItems"].json()["data"]) == len(CALL)
    assert http.delete(f"{place}?beta=true").json()["deleted"] is True
    assert re.search("not found", http.get(f"{place}?beta=true").text)
