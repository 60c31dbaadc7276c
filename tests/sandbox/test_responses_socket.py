import json
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from sandbox import responses_socket
from sandbox.server import SandboxServer
from tests.sandbox.conftest import events
from tests.sandbox.talk import Talk, opened

BODY: dict[str, Any] = {"model": "gpt-5.1", "input": "Return exactly: one two three"}


def connected(server: SandboxServer, delay: int = 0) -> Any:
    query = {"x-sandbox-delay-ms": str(delay)}
    return opened(server, query, path="/responses", union="ResponsesServerEvent")


async def response(talk: Talk, **fields: Any) -> list[dict[str, Any]]:
    await talk.send("response.create", **{**BODY, **fields})
    return await talk.until("response.completed")


def streamed_text(http: httpx.Client) -> str:
    return http.post("/responses", json={**BODY, "stream": True}).text


async def test_the_events_are_those_of_a_stream(sandbox: SandboxServer, http: httpx.Client) -> None:
    streamed = events(streamed_text(http))
    async with connected(sandbox) as talk:
        told = await response(talk)
        assert [event["type"] for event in told] == [name for name, _ in streamed]
        text = [event["delta"] for event in told if event["type"] == "response.output_text.delta"]
        assert "".join(text) == "one two three"


async def test_openais_client_reads_them(async_client: AsyncOpenAI) -> None:
    async with async_client.responses.connect() as connection:
        await connection.response.create(**BODY)
        text = ""
        async for event in connection:
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.completed":
                break
    assert text == "one two three"
    assert event.type == "response.completed"
    assert event.response.output_text == text


async def test_a_response_goes_on_from_the_one_before(sandbox: SandboxServer) -> None:
    async with connected(sandbox) as talk:
        first = (await response(talk))[-1]["response"]
        second = (await response(talk, input="Go on.", previous_response_id=first["id"]))[-1]["response"]
        assert second["previous_response_id"] == first["id"]
        assert second["usage"]["input_tokens"] > first["usage"]["input_tokens"]


async def test_responses_come_one_after_another(sandbox: SandboxServer) -> None:
    async with connected(sandbox) as talk:
        for word in ("one", "two"):
            await talk.send("response.create", **{**BODY, "input": f"Return exactly: {word}"})
        for word in ("one", "two"):
            told = await talk.until("response.completed")
            assert [event["sequence_number"] for event in told] == list(range(len(told)))
            assert told[-1]["response"]["output"][0]["content"][0]["text"] == word


async def test_lanes_go_side_by_side(sandbox: SandboxServer) -> None:
    async with connected(sandbox, delay=1) as talk:
        for lane in ("a", "b"):
            await talk.send("response.create", **BODY, stream_id=lane)
        told: list[dict[str, Any]] = []
        while len([event for event in told if event["type"] == "response.completed"]) < 2:
            told.append(await talk.read())
    lanes = {lane: [event for event in told if event["stream_id"] == lane] for lane in ("a", "b")}
    assert [event["type"] for event in lanes["a"]] == [event["type"] for event in lanes["b"]]
    assert told != lanes["a"] + lanes["b"]


@pytest.mark.parametrize(
    ("event", "status", "param"),
    [
        ({}, 400, "type"),
        ({"type": "response.cancel"}, 400, "type"),
        ({"type": "response.create"}, 400, "model"),
        ({"type": "response.create", **BODY, "input": 5}, 400, "input"),
        ({"type": "response.create", **BODY, "background": True}, 400, "background"),
        ({"type": "response.create", **BODY, "stream_id": ""}, 400, "stream_id"),
        ({"type": "response.create", **BODY, "stream_id": "a b"}, 400, "stream_id"),
        ({"type": "response.create", **BODY, "stream_id": 5}, 400, "stream_id"),
        ({"type": "response.create", **BODY, "previous_response_id": "resp_x"}, 400, "previous_response_id"),
        ({"type": "response.create", **BODY, "conversation": "conv_x"}, 404, "id"),
    ],
)
async def test_what_is_no_request_is_refused(
    sandbox: SandboxServer, event: dict[str, Any], status: int, param: str
) -> None:
    async with connected(sandbox) as talk:
        await talk.socket.send(json.dumps(event))
        error = await talk.read()
        assert (error["type"], error["status"], error["error"]["param"]) == ("error", status, param)
        assert error.get("stream_id") == (event.get("stream_id") if event.get("stream_id") != 5 else None)
        await response(talk)


async def test_so_many_may_wait(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses_socket, "MAX_WAITING", 1)
    async with connected(sandbox, delay=5000) as talk:
        await talk.send("response.create", **BODY)
        assert (await talk.read())["type"] == "response.created"
        await talk.send("response.create", **BODY, stream_id="a")
        error = await talk.read()
        assert (error["status"], error["stream_id"]) == (429, "a")


def test_the_plain_path_is_what_it_was(http: httpx.Client) -> None:
    assert http.get("/responses").status_code == 405
    assert http.post("/responses", json=BODY).json()["status"] == "completed"
