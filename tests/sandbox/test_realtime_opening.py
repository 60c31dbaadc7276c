import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from sandbox.server import SandboxServer
from tests.sandbox.talk import KEY, MODEL, address, opened, session
from tests.sandbox.test_realtime import SESSION, offered
from tests.servers import eventually


async def refused(
    server: SandboxServer,
    query: Mapping[str, str] = MODEL,
    *,
    path: str = "/realtime",
    headers: Mapping[str, str] = KEY,
    subprotocols: Sequence[str] = (),
) -> tuple[int, dict[str, Any]]:
    """The status and the error that an upgrade is refused with."""
    names = [Subprotocol(name) for name in subprotocols] or None
    with pytest.raises(InvalidStatus) as caught:
        await connect(address(server, path, query), additional_headers=headers, subprotocols=names)
    response = caught.value.response
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"].startswith("req_")
    error = json.loads(response.body or b"")["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return response.status_code, error


async def test_a_session_begins_with_what_it_is(sandbox: SandboxServer) -> None:
    async with opened(sandbox, {"model": "gpt-realtime-mini"}) as talk:
        created = await talk.read()
    assert created["type"] == "session.created"
    assert created["session"]["model"] == "gpt-realtime-mini"
    assert created["session"]["output_modalities"] == ["audio"]


async def test_each_session_has_an_id_of_its_own(sandbox: SandboxServer) -> None:
    names = set()
    for _ in range(3):
        async with opened(sandbox) as talk:
            created = await talk.read()
            names |= {created["session"]["id"], created["event_id"]}
    assert len(names) == 6


async def test_the_answer_to_the_upgrade_has_an_id(sandbox: SandboxServer) -> None:
    async with opened(sandbox) as talk:
        assert talk.socket.response is not None
        assert talk.socket.response.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer "}])
async def test_a_key_is_needed(sandbox: SandboxServer, headers: dict[str, str]) -> None:
    status, error = await refused(sandbox, headers=headers)
    assert (status, error["type"]) == (401, "invalid_request_error")


@pytest.mark.parametrize("offers", [("realtime",), ("openai-insecure-api-key.",), ("x", "realtime")])
async def test_a_subprotocol_without_a_key_is_none(sandbox: SandboxServer, offers: tuple[str, ...]) -> None:
    assert (await refused(sandbox, headers={}, subprotocols=offers))[0] == 401


@pytest.mark.parametrize(
    ("offers", "selected"),
    [
        (("realtime", "openai-insecure-api-key.ek_1"), "realtime"),
        (("openai-insecure-api-key.sk-1", "openai-beta.realtime-v1", "realtime"), "realtime"),
        (("openai-insecure-api-key.sk-1",), None),
    ],
)
async def test_a_browser_brings_its_key_as_a_subprotocol(
    sandbox: SandboxServer, offers: tuple[str, ...], selected: str | None
) -> None:
    async with opened(sandbox, headers={}, subprotocols=offers) as talk:
        assert talk.socket.subprotocol == selected
        assert (await talk.read())["type"] == "session.created"


@pytest.mark.parametrize("path", ["/realtime", "/realtime/translations"])
@pytest.mark.parametrize("query", [{}, {"model": ""}, {"intent": "conversation"}])
async def test_a_model_is_needed(sandbox: SandboxServer, path: str, query: dict[str, str]) -> None:
    status, error = await refused(sandbox, query, path=path)
    assert (status, error["param"], error["code"]) == (400, "model", "missing_required_parameter")


async def test_a_call_can_be_joined(sandbox: SandboxServer, client: OpenAI) -> None:
    name = offered(client)
    async with opened(sandbox, {"call_id": name}) as talk:
        assert (await talk.read())["session"]["model"] == SESSION["model"]
    assert (await refused(sandbox, {"call_id": "rtc_unknown"}))[0] == 404


@pytest.mark.parametrize("path", ["/models", "/realtime/calls", "/realtime/", "/unknown", "/../realtime"])
async def test_nothing_else_is_a_websocket(sandbox: SandboxServer, path: str) -> None:
    status, error = await refused(sandbox, path=path)
    assert (status, error["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("path", ["/realtime", "/realtime/translations"])
def test_a_request_without_an_upgrade_is_told_so(http: httpx.Client, path: str) -> None:
    answer = http.get(path, params=MODEL)
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    assert answer.json()["error"]["code"] == "upgrade_required"
    assert http.post(path, params=MODEL).status_code == 404
    assert http.head(path, params=MODEL).status_code == 426


def test_an_upgrade_that_is_no_websocket_is_a_request(http: httpx.Client) -> None:
    # To HTTP 2, which nobody here speaks (RFC 9110, 7.8): it is ignored.
    headers = {"connection": "upgrade", "upgrade": "h2c"}
    assert http.get("/models", headers=headers).status_code == 200


async def test_a_session_that_transcribes_needs_no_model(sandbox: SandboxServer) -> None:
    async with opened(sandbox, {"intent": "transcription"}) as talk:
        created = (await talk.read())["session"]
    assert (created["type"], created["object"]) == ("transcription", "realtime.transcription_session")


async def test_openais_client_holds_a_conversation(async_client: AsyncOpenAI) -> None:
    async with async_client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        item: Any = {"type": "message", "role": "user"}
        item["content"] = [{"type": "input_text", "text": "Return exactly: Good day"}]
        await connection.conversation.item.create(item=item)
        await connection.response.create()
        text = ""
        async for event in connection:
            assert event.type != "error"
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.done":
                break
    assert text == "Good day"
    assert event.type == "response.done"
    assert event.response.status == "completed"
    assert event.response.usage is not None
    assert (event.response.usage.total_tokens or 0) > 2


async def test_what_is_open_is_counted(fresh: SandboxServer) -> None:
    async with session(fresh), session(fresh) as other:
        assert fresh.sockets.open == 2
        await other.socket.close(4001)
    await eventually(lambda: fresh.sockets.closed == {4001: 1, 1000: 1})
    assert (fresh.sockets.open, fresh.sockets.lost) == (0, 0)


async def test_a_websocket_that_is_lost_is_counted(fresh: SandboxServer) -> None:
    async with session(fresh) as talk:
        talk.socket.transport.abort()
        await eventually(lambda: fresh.sockets.lost == 1)
    assert (fresh.sockets.open, fresh.sockets.closed) == (0, {})
