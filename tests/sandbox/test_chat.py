import json
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.sandbox.conftest import Contract, events

ASKED: list[Any] = [{"role": "user", "content": "Tell me about tides."}]
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "kelvin"]},
        "days": {"type": "integer"},
    },
    "required": ["city", "unit"],
}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "clock"}},
    {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}},
]
NAMED: Any = {"type": "function", "function": {"name": "weather"}}
WEATHER = {"city": "text", "unit": "celsius"}


class Planet(BaseModel):
    name: str
    moons: list[str]
    mass: float
    parent: "Planet | None"


# The client writes the root of a recursive schema out once more, so it ends one level down.
PLANET = Planet(name="text", moons=[], mass=0, parent=Planet(name="text", moons=[], mass=0, parent=None))


def ask(http: httpx.Client, **fields: Any) -> Any:
    answer = http.post("/chat/completions", json={"model": "m", "messages": ASKED, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def chunks(http: httpx.Client, contract: Contract, **fields: Any) -> list[Any]:
    body = {"model": "m", "messages": ASKED, "stream": True, **fields}
    answer = http.post("/chat/completions", json=body)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *found, last = events(answer.text)
    assert last == (None, "[DONE]")
    for name, data in found:
        assert name is None
        contract.judge("CreateChatCompletionStreamResponse", json.loads(data))
    return [json.loads(data) for _, data in found]


def test_answers_a_completion_that_quotes_the_question(http: httpx.Client, contract: Contract) -> None:
    answer = ask(http)
    contract.judge("CreateChatCompletionResponse", answer)
    [choice] = answer["choices"]
    assert "Tell me about tides." in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
    assert answer["model"] == "m"


def test_counts_four_characters_to_a_token_and_four_tokens_to_a_message(http: httpx.Client) -> None:
    messages = [
        {"role": "system", "content": "123456789"},
        {"role": "user", "content": "Say exactly: 12345"},
    ]
    usage = ask(http, messages=messages)["usage"]
    assert usage["prompt_tokens"] == (3 + 4) + (5 + 4)
    assert usage["completion_tokens"] == 2
    assert usage["total_tokens"] == 18


def test_streams_role_words_finish_and_done(http: httpx.Client, contract: Contract) -> None:
    found = chunks(http, contract, messages=[{"role": "user", "content": "Say exactly: one two  three"}])
    deltas = [chunk["choices"][0]["delta"] for chunk in found]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert [delta["content"] for delta in deltas[1:-1]] == ["one", " two", "  ", "three"]
    assert deltas[-1] == {}
    assert [chunk["choices"][0]["finish_reason"] for chunk in found] == [None] * 5 + ["stop"]
    assert all("usage" not in chunk for chunk in found)


def test_stream_says_what_the_whole_says(http: httpx.Client, contract: Contract) -> None:
    whole = ask(http, messages=ASKED)
    found = chunks(http, contract, stream_options={"include_usage": True})
    assert [chunk["usage"] for chunk in found[:-1]] == [None] * (len(found) - 1)
    assert found[-1]["choices"] == []
    assert found[-1]["usage"] == whole["usage"]
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in found[:-1])
    assert said == whole["choices"][0]["message"]["content"]


def test_n_choices_are_counted_and_streamed_side_by_side(http: httpx.Client, contract: Contract) -> None:
    whole = ask(http, n=3)
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2]
    assert whole["usage"]["completion_tokens"] == 3 * ask(http)["usage"]["completion_tokens"]
    found = chunks(http, contract, n=3)
    assert [chunk["choices"][0]["index"] for chunk in found[:6]] == [0, 1, 2, 0, 1, 2]
    for index in range(3):
        said = [
            chunk["choices"][0]["delta"].get("content", "")
            for chunk in found
            if chunk["choices"][0]["index"] == index
        ]
        assert "".join(said) == whole["choices"][index]["message"]["content"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_token_limit_cuts_the_text(http: httpx.Client, contract: Contract, name: str) -> None:
    messages = [{"role": "user", "content": "Return exactly: 0123456789"}]
    cut = ask(http, messages=messages, **{name: 2})
    assert cut["choices"][0]["message"]["content"] == "01234567"
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 2
    assert (
        chunks(http, contract, messages=messages, **{name: 2})[-1]["choices"][0]["finish_reason"] == "length"
    )
    assert ask(http, messages=messages, **{name: 3})["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("stop", "said"), [("c", "ab "), (["x", "d", "b"], "a"), (["x", ""], "ab cd"), (None, "ab cd")]
)
def test_stop_sequences_end_the_text(http: httpx.Client, stop: object, said: str) -> None:
    answer = ask(http, messages=[{"role": "user", "content": "say exactly: ab cd"}], stop=stop)
    assert answer["choices"][0]["message"]["content"] == said
    assert answer["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("required", "clock"),
        (NAMED, "weather"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}}, "weather"),
    ],
)
def test_a_forced_function_is_called(
    http: httpx.Client, contract: Contract, choice: object, name: str
) -> None:
    answer = ask(http, tools=TOOLS, tool_choice=choice)
    contract.judge("CreateChatCompletionResponse", answer)
    message = answer["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"][0]["function"]["name"] == name
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == (
        WEATHER if name == "weather" else {}
    )
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("choice", [None, "auto", "none", {"type": "custom", "custom": {"name": "grammar"}}])
def test_a_function_that_is_not_forced_is_not_called(http: httpx.Client, choice: object) -> None:
    message = ask(http, tools=TOOLS, tool_choice=choice)["choices"][0]["message"]
    assert "tool_calls" not in message
    assert "Tell me about tides." in message["content"]


def test_function_calls_are_streamed(http: httpx.Client, contract: Contract) -> None:
    whole = ask(http, tools=TOOLS, tool_choice=NAMED, n=2)
    found = chunks(http, contract, tools=TOOLS, tool_choice=NAMED, n=2)
    for index, choice in enumerate(whole["choices"]):
        deltas = [chunk["choices"][0] for chunk in found if chunk["choices"][0]["index"] == index]
        [opened] = deltas[0]["delta"]["tool_calls"]
        assert opened["function"] == {"name": "weather", "arguments": ""}
        calls = [delta["delta"]["tool_calls"][0] for delta in deltas[:-1]]
        assert len(calls) > 2
        assert "".join(call["function"]["arguments"] for call in calls) == json.dumps(WEATHER)
        assert deltas[-1]["finish_reason"] == "tool_calls"
        assert opened["type"] == choice["message"]["tool_calls"][0]["type"]
    ids = [choice["message"]["tool_calls"][0]["id"] for choice in whole["choices"]]
    assert len(set(ids)) == 2


def test_the_client_reads_its_structured_output(client: OpenAI) -> None:
    answer = client.chat.completions.parse(model="gpt-5.1", messages=ASKED, response_format=Planet)
    assert answer.choices[0].message.parsed == PLANET


def test_the_client_reads_its_tool_calls(client: OpenAI) -> None:
    tool = openai.pydantic_function_tool(Planet)
    answer = client.chat.completions.parse(model="m", messages=ASKED, tools=[tool], tool_choice="required")
    [call] = answer.choices[0].message.tool_calls or []
    assert call.function.parsed_arguments == PLANET


def test_a_json_object_is_made_of_the_text(http: httpx.Client) -> None:
    form = {"type": "json_object"}
    said = ask(http, response_format=form)["choices"][0]["message"]["content"]
    assert "Tell me about tides." in json.loads(said)["reply"]
    given = [{"role": "user", "content": 'Return exactly: {"a": 1}'}]
    assert ask(http, messages=given, response_format=form)["choices"][0]["message"]["content"] == '{"a": 1}'
    deep = [{"role": "user", "content": "Return exactly: " + "[" * 100_000}]
    assert json.loads(ask(http, messages=deep, response_format=form)["choices"][0]["message"]["content"])


def test_text_is_a_format_too(http: httpx.Client) -> None:
    plain = ask(http, response_format={"type": "text"})
    assert plain["choices"] == ask(http)["choices"]


def test_the_client_accumulates_a_stream(client: OpenAI) -> None:
    with client.chat.completions.stream(model="m", messages=ASKED, tools=TOOLS, tool_choice=NAMED) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    assert final.choices[0].message.tool_calls is not None
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == WEATHER


async def test_the_async_client_streams_and_does_not(async_client: AsyncOpenAI) -> None:
    whole = await async_client.chat.completions.create(model="m", messages=ASKED)
    stream = await async_client.chat.completions.create(model="m", messages=ASKED, stream=True)
    said = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(said) == whole.choices[0].message.content


@pytest.mark.parametrize(("asked", "given"), [("auto", "default"), (None, "default"), ("flex", "flex")])
def test_the_service_tier_is_told(http: httpx.Client, asked: str | None, given: str) -> None:
    assert ask(http, service_tier=asked)["service_tier"] == given
