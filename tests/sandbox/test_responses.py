import json
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.sandbox.conftest import Contract, events

TOOLS: list[Any] = [
    {"type": "web_search"},
    {
        "type": "function",
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "default": "Oslo"},
                "days": {"type": "integer", "minimum": 1},
            },
            "required": ["city", "days"],
        },
    },
    {"type": "function", "name": "clock", "strict": False, "parameters": None},
]
NAMED: Any = {"type": "function", "name": "clock"}
WEATHER = {"city": "Oslo", "days": 1}


class Tide(BaseModel):
    place: str
    high: bool


def ask(http: httpx.Client, **fields: Any) -> Any:
    answer = http.post("/responses", json={"model": "m", "input": "Tell me about tides.", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def text(response: Any) -> str:
    [item] = response["output"]
    [part] = item["content"]
    return str(part["text"])


def stream(http: httpx.Client, contract: Contract, **fields: Any) -> list[Any]:
    body = {"model": "m", "input": "Tell me about tides.", "stream": True, **fields}
    answer = http.post("/responses", json=body)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    found = []
    for name, data in events(answer.text):
        event = json.loads(data)
        assert event["type"] == name
        contract.judge("ResponseStreamEvent", event)
        found.append(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def test_answers_a_response_that_quotes_the_question(http: httpx.Client, contract: Contract) -> None:
    answer = ask(http)
    contract.judge("Response", answer)
    assert answer["status"] == "completed"
    assert answer["completed_at"] > answer["created_at"]
    assert "Tell me about tides." in text(answer)
    usage = answer["usage"]
    assert usage["input_tokens"] == 5 + 4
    assert usage["output_tokens"] == -(-len(text(answer)) // 4)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_gives_back_what_was_asked(http: httpx.Client, contract: Contract) -> None:
    before = ask(http)
    fields: dict[str, Any] = {
        "background": True,
        "instructions": "Be brief.",
        "max_output_tokens": 500,
        "max_tool_calls": 3,
        "metadata": {"team": "sea"},
        "parallel_tool_calls": False,
        "previous_response_id": before["id"],
        "prompt_cache_key": "k",
        "reasoning": {"effort": "high", "summary": "auto"},
        "safety_identifier": "u-1",
        "service_tier": "flex",
        "store": False,
        "temperature": 0.5,
        "tool_choice": "auto",
        "top_logprobs": 2,
        "top_p": 0.25,
        "truncation": "auto",
        "user": "u-2",
        "prompt": {"id": "pmpt_1", "variables": {"a": "b"}},
    }
    answer = ask(http, **fields)
    contract.judge("Response", answer)
    assert {name: answer[name] for name in fields} == fields


def test_fills_in_what_was_not_asked(http: httpx.Client) -> None:
    conversation = http.post("/conversations", json={}).json()["id"]
    answer = ask(http, temperature=None, text={"verbosity": "low"}, tools=TOOLS, conversation=conversation)
    assert answer["temperature"] == 1.0
    assert answer["metadata"] == {}
    assert answer["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert answer["conversation"] == {"id": conversation}
    assert answer["tools"][0] == {"type": "web_search"}
    assert answer["tools"][1]["strict"] is True
    assert answer["tools"][2] == {**TOOLS[2], "description": None}
    assert answer["previous_response_id"] is None


@pytest.mark.parametrize(
    "given",
    [
        [{"role": "user", "content": "Say exactly: yes"}],
        [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Say exactly: yes"}],
            }
        ],
        [
            {"role": "user", "content": "Say exactly: no"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "Say exactly: no"},
            {"type": "message", "role": "user", "content": "Say exactly: yes"},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Say exactly: no"}],
            },
            {"type": "item_reference", "id": "msg_1"},
        ],
    ],
)
def test_reads_every_form_of_input(http: httpx.Client, given: object) -> None:
    assert text(ask(http, input=given)) == "yes"


def test_input_can_be_kept_elsewhere(http: httpx.Client, contract: Contract) -> None:
    contract.judge("Response", ask(http, input=None, prompt={"id": "p"}))
    contract.judge("Response", ask(http, input=None, previous_response_id=ask(http)["id"]))
    conversation = http.post("/conversations", json={}).json()["id"]
    contract.judge("Response", ask(http, input=None, conversation=conversation))


def test_a_stored_prompt_can_name_the_model(http: httpx.Client) -> None:
    assert ask(http, model=None, prompt={"id": "p"})["model"] == "gpt-5.1"


def test_streams_a_text_in_order(http: httpx.Client, contract: Contract) -> None:
    found = stream(http, contract, input="Say exactly: one two")
    assert [event["type"].removeprefix("response.") for event in found] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert found[0]["response"]["status"] == "in_progress"
    assert found[0]["response"]["output"] == []
    assert [event["delta"] for event in found[4:6]] == ["one", " two"]
    assert found[6]["text"] == "one two"
    assert found[8]["item"] == found[9]["response"]["output"][0]
    assert {event["item_id"] for event in found[3:8]} == {found[8]["item"]["id"]}


def test_stream_ends_with_what_the_whole_says(http: httpx.Client, contract: Contract) -> None:
    whole, last = ask(http, input="one"), stream(http, contract, input="one")[-1]["response"]
    assert text(last) == text(whole)
    assert last["usage"] == whole["usage"]


def test_a_token_limit_leaves_it_incomplete(http: httpx.Client, contract: Contract) -> None:
    asked = {"input": "Return exactly: " + "0123456789" * 7, "max_output_tokens": 16}
    whole = ask(http, **asked)
    contract.judge("Response", whole)
    assert text(whole) == "0123456789" * 6 + "0123"
    assert whole["completed_at"] is None
    assert whole["incomplete_details"] == {"reason": "max_output_tokens"}
    assert whole["output"][0]["status"] == whole["status"] == "incomplete"
    assert whole["usage"]["output_tokens"] == 16
    last = stream(http, contract, **asked)[-1]
    assert last["type"] == "response.incomplete"
    assert text(last["response"]) == text(whole)


@pytest.mark.parametrize(
    ("choice", "name", "arguments"),
    [
        ("required", "weather", WEATHER),
        (NAMED, "clock", {}),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}, NAMED]},
            "clock",
            {},
        ),
    ],
)
def test_a_forced_function_is_called(
    http: httpx.Client, contract: Contract, choice: object, name: str, arguments: object
) -> None:
    answer = ask(http, tools=TOOLS, tool_choice=choice)
    contract.judge("Response", answer)
    [item] = answer["output"]
    assert (item["type"], item["name"], json.loads(item["arguments"])) == ("function_call", name, arguments)
    assert answer["tool_choice"] == choice


@pytest.mark.parametrize(
    "choice",
    [
        "none",
        {"type": "web_search_preview"},
        {"type": "allowed_tools", "mode": "auto", "tools": [NAMED]},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
    ],
)
def test_a_function_that_is_not_forced_is_not_called(http: httpx.Client, choice: object) -> None:
    assert "Tell me about tides." in text(ask(http, tools=TOOLS, tool_choice=choice))


def test_streams_a_function_call_in_order(http: httpx.Client, contract: Contract) -> None:
    found = stream(http, contract, tools=TOOLS, tool_choice="required")
    kinds = [event["type"].removeprefix("response.") for event in found]
    deltas = [event["delta"] for event in found if "delta" in event]
    assert kinds[:3] == ["created", "in_progress", "output_item.added"]
    assert kinds[3:-3] == ["function_call_arguments.delta"] * len(deltas)
    assert kinds[-3:] == ["function_call_arguments.done", "output_item.done", "completed"]
    assert len(deltas) > 1
    assert "".join(deltas) == found[-3]["arguments"] == json.dumps(WEATHER)
    assert found[2]["item"]["arguments"] == ""
    assert found[2]["item"]["call_id"] == found[-2]["item"]["call_id"]


def test_the_client_reads_its_structured_output(client: OpenAI) -> None:
    answer = client.responses.parse(model="gpt-5.1", input="When?", text_format=Tide)
    assert answer.output_parsed == Tide(place="text", high=False)
    assert answer.text is not None
    assert answer.text.format is not None
    assert answer.text.format.type == "json_schema"


def test_a_json_object_is_made_of_the_text(http: httpx.Client, contract: Contract) -> None:
    answer = ask(http, text={"format": {"type": "json_object"}})
    contract.judge("Response", answer)
    assert "Tell me about tides." in json.loads(text(answer))["reply"]


def test_the_client_accumulates_a_stream(client: OpenAI) -> None:
    with client.responses.stream(model="m", input="Say exactly: one two", text_format=Tide) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[-1] == "response.completed"
    assert final.output_parsed == Tide(place="text", high=False)


async def test_the_async_client_streams_and_does_not(async_client: AsyncOpenAI) -> None:
    whole = await async_client.responses.create(model="m", input="Hello")
    events = await async_client.responses.create(model="m", input="Hello", stream=True)
    said = [event.delta async for event in events if event.type == "response.output_text.delta"]
    assert "".join(said) == whole.output_text
