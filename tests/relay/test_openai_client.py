"""OpenAI's own Python client, sync and async, against a relay over the sandbox."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel

from sandbox.server import SandboxServer
from tests.servers import RELAY_KEY

SAID = "un deux trois, “é🙂”"
ASKED: Any = [{"role": "user", "content": f"Say exactly: {SAID}"}]
TOOL: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PARTS = ["un", " deux", " trois,", " “é🙂”"]
EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    *["response.output_text.delta"] * len(PARTS),
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


class City(BaseModel):
    name: str
    districts: list[str]


@pytest.fixture(scope="module")
def client(sandbox_relay: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{sandbox_relay}/v1", api_key=RELAY_KEY, max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(sandbox_relay: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{sandbox_relay}/v1", api_key=RELAY_KEY, max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def direct() -> Iterator[OpenAI]:
    """The client without a relay between: the sandbox gives equal requests equal answers."""
    with SandboxServer() as sandbox, OpenAI(base_url=sandbox.base_url, api_key="any", max_retries=0) as made:
        yield made


def content(chunks: list[ChatCompletionChunk]) -> list[str]:
    return [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]


def check_events(events: list[ResponseStreamEvent], whole: str) -> None:
    assert [event.type for event in events] == EVENTS
    assert [event.sequence_number for event in events] == list(range(len(EVENTS)))
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == PARTS
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == whole == SAID


def test_a_chat_completion_is_the_one_that_the_upstream_made(client: OpenAI, direct: OpenAI) -> None:
    answer = client.chat.completions.create(model="gpt-5.1", messages=ASKED)
    assert answer.choices[0].message.content == SAID
    assert answer == direct.chat.completions.create(model="gpt-5.1", messages=ASKED)


def test_a_chat_stream_is_the_one_that_the_upstream_made(client: OpenAI, direct: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="gpt-5.1", messages=ASKED, stream=True))
    assert content(chunks) == PARTS
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks == list(direct.chat.completions.create(model="gpt-5.1", messages=ASKED, stream=True))


async def test_the_async_client_gets_the_same_chat(client: OpenAI, async_client: AsyncOpenAI) -> None:
    answer = await async_client.chat.completions.create(model="gpt-5.1", messages=ASKED)
    assert answer == client.chat.completions.create(model="gpt-5.1", messages=ASKED)
    stream = await async_client.chat.completions.create(model="gpt-5.1", messages=ASKED, stream=True)
    assert content([chunk async for chunk in stream]) == PARTS


def test_a_response_streams_every_event_to_its_completion(client: OpenAI) -> None:
    whole = client.responses.create(model="gpt-5.1", input=ASKED[0]["content"])
    events = list(client.responses.create(model="gpt-5.1", input=ASKED[0]["content"], stream=True))
    check_events(events, whole.output_text)


async def test_a_response_streams_every_event_to_the_async_client(async_client: AsyncOpenAI) -> None:
    whole = await async_client.responses.create(model="gpt-5.1", input=ASKED[0]["content"])
    stream = await async_client.responses.create(model="gpt-5.1", input=ASKED[0]["content"], stream=True)
    check_events([event async for event in stream], whole.output_text)


def test_the_stream_helper_accumulates_the_final_response(client: OpenAI) -> None:
    with client.responses.stream(model="gpt-5.1", input=ASKED[0]["content"]) as stream:
        assert stream.get_final_response().output_text == SAID


def test_a_response_is_the_one_that_the_upstream_made(client: OpenAI, direct: OpenAI) -> None:
    answer = client.responses.create(model="gpt-5.1", input="Say exactly: pong", instructions="Be brief")
    assert answer == direct.responses.create(
        model="gpt-5.1", input="Say exactly: pong", instructions="Be brief"
    )


def test_the_upstream_reads_the_headers_that_a_client_adds(client: OpenAI) -> None:
    headers = {"x-sandbox-reply": "told by header"}
    answer = client.responses.create(model="gpt-5.1", input="Hello", extra_headers=headers)
    assert answer.output_text == "told by header"


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_embeddings_are_those_that_the_upstream_made(client: OpenAI, direct: OpenAI, encoding: Any) -> None:
    fields = {"encoding_format": encoding} if encoding else {}
    asked: Any = {"model": "text-embedding-3-small", "input": ["one", "deux 🙂"], "dimensions": 8, **fields}
    answer = client.embeddings.create(**asked)
    assert [len(item.embedding) for item in answer.data] == [8] * 2 if encoding != "base64" else [44] * 2
    assert answer == direct.embeddings.create(**asked)


async def test_the_async_client_gets_the_same_embeddings(client: OpenAI, async_client: AsyncOpenAI) -> None:
    answer = await async_client.embeddings.create(model="text-embedding-3-small", input="one")
    assert len(answer.data[0].embedding) == 1536
    assert answer == client.embeddings.create(model="text-embedding-3-small", input="one")


async def test_models_are_listed_and_found(client: OpenAI, async_client: AsyncOpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert "gpt-5.1" in names
    assert [model.id async for model in async_client.models.list()] == names
    assert client.models.retrieve("gpt-5.1").id == "gpt-5.1"


def test_a_raw_response_has_the_headers_of_both_sides(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-5.1", messages=ASKED)
    assert raw.parse().choices[0].message.content == SAID
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-relay-request-id"] not in ("", raw.headers["x-request-id"])
    assert raw.headers["x-ratelimit-remaining-requests"] == "9999"
    assert raw.headers["openai-processing-ms"].isdigit()
    assert raw.request_id == raw.headers["x-request-id"]


def test_a_request_id_of_the_clients_is_kept_beside_the_upstreams(client: OpenAI) -> None:
    headers = {"x-request-id": "mine-1"}
    raw = client.models.with_raw_response.list(extra_headers=headers)
    assert raw.headers["x-relay-request-id"] == "mine-1"
    assert raw.headers["x-request-id"].startswith("req_")


async def test_a_raw_stream_has_the_headers_before_its_events(async_client: AsyncOpenAI) -> None:
    create = async_client.chat.completions.with_streaming_response.create
    async with create(model="gpt-5.1", messages=ASKED, stream=True) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert raw.headers["x-request-id"].startswith("req_")
        assert [chunk async for chunk in await raw.parse()][-1].choices[0].finish_reason == "stop"


async def test_an_unknown_model_is_not_found(client: OpenAI, async_client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as sync:
        client.models.retrieve("no-such-model")
    with pytest.raises(openai.NotFoundError) as found:
        await async_client.models.retrieve("no-such-model")
    for error in (sync.value, found.value):
        assert (error.code, error.param) == ("model_not_found", "model")
        assert error.request_id is not None
        assert error.request_id.startswith("req_")


def test_an_unknown_path_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.get("/no-such-path", cast_to=object)
    assert caught.value.code == "unknown_url"


@pytest.mark.parametrize("stream", [False, True])
def test_the_upstreams_refusal_names_the_param(client: OpenAI, *, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-5.1", messages=ASKED, temperature=5, stream=stream)
    assert caught.value.param == "temperature"


async def test_the_relays_refusal_names_the_param(client: OpenAI, async_client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body={"model": "gpt-5.1"}, cast_to=object)
    assert (caught.value.param, caught.value.code) == ("messages", "missing_required_parameter")
    wrong: Any = {"messages": "hi"}
    with pytest.raises(openai.BadRequestError) as found:
        await async_client.chat.completions.create(model="gpt-5.1", **wrong)
    assert (found.value.param, found.value.code) == ("messages", "invalid_type")


async def test_a_wrong_relay_key_is_an_authentication_error(sandbox_relay: str) -> None:
    shown: Any = {"base_url": f"{sandbox_relay}/v1", "api_key": f"{RELAY_KEY}x", "max_retries": 0}
    with OpenAI(**shown) as client, pytest.raises(openai.AuthenticationError) as caught:
        client.models.list()
    async with AsyncOpenAI(**shown) as async_client:
        with pytest.raises(openai.AuthenticationError) as found:
            await async_client.responses.create(model="gpt-5.1", input="hi", stream=True)
    assert caught.value.code == found.value.code == "invalid_api_key"


async def test_structured_output_is_parsed(client: OpenAI, async_client: AsyncOpenAI) -> None:
    chat = client.chat.completions.parse(model="gpt-5.1", messages=ASKED, response_format=City)
    response = await async_client.responses.parse(model="gpt-5.1", input="A city", text_format=City)
    assert chat.choices[0].message.parsed == response.output_parsed == City(name="text", districts=[])


def test_a_forced_tool_is_called(client: OpenAI) -> None:
    function: Any = {"name": "weather", "parameters": TOOL}
    choice: Any = {"type": "function", "function": {"name": "weather"}}
    asked: Any = {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
    message = client.chat.completions.create(model="gpt-5.1", messages=ASKED, **asked).choices[0].message
    assert message.tool_calls is not None
    call = message.tool_calls[0]
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "text"})


async def test_a_forced_tool_is_called_in_a_streamed_response(async_client: AsyncOpenAI) -> None:
    tool: Any = {"type": "function", "name": "weather", "parameters": TOOL, "strict": True}
    choice: Any = {"type": "function", "name": "weather"}
    async with async_client.responses.stream(
        model="gpt-5.1", input="Hello", tools=[tool], tool_choice=choice
    ) as stream:
        types = [event.type async for event in stream]
        call = (await stream.get_final_response()).output[0]
    assert "response.function_call_arguments.delta" in types
    assert call.type == "function_call"
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "text"})
