import json
from typing import Any

import pytest

from sandbox import realtime_items
from sandbox.server import SandboxServer
from tests.sandbox.talk import Talk, message, session

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object", "const": None}}
SPOKEN = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA"}]}


async def updated(talk: Talk, **fields: Any) -> dict[str, Any]:
    event = await talk.ask("session.update", "session.updated", session={"type": "realtime", **fields})
    assert isinstance(event["session"], dict)
    return event["session"]


async def refused(talk: Talk, kind: str = "realtime", **fields: Any) -> tuple[str, str]:
    error = await talk.refused("session.update", session={"type": kind, **fields})
    return error["code"], error["param"]


async def test_an_update_changes_what_it_says(sandbox: SandboxServer) -> None:
    fields = {"instructions": "Be brief.", "tools": [TOOL], "tool_choice": "required", "max_output_tokens": 9}
    async with session(sandbox) as talk:
        before = await updated(talk)
        after = await updated(talk, **fields)
        assert after == before | fields
        assert await updated(talk, tools=[], output_modalities=["text"]) == after | {
            "tools": [],
            "output_modalities": ["text"],
        }


async def test_audio_is_updated_part_by_part(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        await updated(talk, audio={"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}})
        after = await updated(talk, audio={"output": {"voice": {"id": "voice_1"}, "speed": 1.5}})
    assert after["audio"]["input"] == {"format": {"type": "audio/pcmu"}, "turn_detection": None}
    assert after["audio"]["output"]["voice"] == "voice_1"
    assert after["audio"]["output"]["speed"] == 1.5
    assert after["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24_000}


async def test_null_takes_away_what_may_be_missing(sandbox: SandboxServer) -> None:
    hearing = {
        "transcription": {"model": "whisper-1", "prompt": None},
        "noise_reduction": {"type": "near_field"},
    }
    async with session(sandbox) as talk:
        before = await updated(talk, audio={"input": hearing})
        assert before["audio"]["input"]["transcription"] == {"model": "whisper-1"}
        nothing = dict.fromkeys([*hearing, "format"])
        after = await updated(talk, audio={"input": nothing, "output": None}, instructions=None, prompt=None)
    assert after["audio"]["input"].keys() == {"format", "turn_detection"}
    assert after["audio"]["output"] == before["audio"]["output"]
    assert after["instructions"] == before["instructions"]


async def test_what_a_session_cannot_become_is_refused(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        before = await updated(talk, model="gpt-realtime")
        assert await refused(talk, "transcription") == ("invalid_value", "session.type")
        assert await refused(talk, model="gpt-realtime-2") == ("cannot_update_model", "session.model")
        assert await refused(talk, modalities=["text"]) == ("unknown_parameter", "session.modalities")
        both = ["text", "audio"]
        assert await refused(talk, output_modalities=both) == ("invalid_value", "session.output_modalities")
        assert await refused(talk, tools=[{"type": "function"}]) == (
            "missing_required_parameter",
            "tools[0].name",
        )
        code, param = await refused(talk, audio={"output": {"speed": 9.5}})
        assert (code, param) == ("invalid_value", "session.audio.output.speed")
        assert await updated(talk) == before


async def test_a_voice_that_has_spoken_stays(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        await updated(talk, audio={"output": {"voice": "marin"}})
        await talk.respond(output_modalities=["text"])
        await updated(talk, audio={"output": {"voice": "cedar"}})
        await talk.respond()
        code, param = await refused(talk, audio={"output": {"voice": "marin"}})
        assert (code, param) == ("cannot_update_voice", "session.audio.output.voice")
        await updated(talk, audio={"output": {"voice": "cedar"}}, instructions="x")


async def test_items_come_in_the_order_that_is_asked_for(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        first = await talk.say("one")
        name = first["item"]["id"]
        assert (first["previous_item_id"], first["item"]["status"]) == (None, "completed")
        assert (await talk.say("three"))["previous_item_id"] == name
        assert (await talk.say("two", previous_item_id=name))["previous_item_id"] == name
        assert (await talk.say("zero", previous_item_id="root"))["previous_item_id"] is None
        error = await talk.refused(
            "conversation.item.create", item=message("x"), previous_item_id="item_x", event_id="mine"
        )
    assert (error["param"], error["event_id"]) == ("previous_item_id", "mine")


async def test_an_item_can_be_had_again_until_it_is_deleted(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        await talk.send("conversation.item.create", item={**SPOKEN, "id": "mine"})
        added, done = await talk.until("conversation.item.done")
        assert added["item"] == done["item"]
        assert added["item"]["content"] == [{"type": "input_audio"}]
        error = await talk.refused("conversation.item.create", item={**SPOKEN, "id": "mine"})
        assert error["param"] == "item.id"
        got = await talk.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id="mine")
        assert got["item"]["content"] == SPOKEN["content"]
        gone = await talk.ask("conversation.item.delete", "conversation.item.deleted", item_id="mine")
        assert gone["item_id"] == "mine"
        for verb in ("retrieve", "delete"):
            error = await talk.refused(f"conversation.item.{verb}", item_id="mine")
            assert error["code"] == f"item_{verb}_invalid_item_id"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({}, "item"),
        ({"type": "message", "role": "user"}, "item"),
        ({"type": "message", "role": "robot", "content": []}, "item"),
        (
            {"type": "message", "role": "user", "content": [{"type": "output_text", "text": "x"}]},
            "item.content[0].type",
        ),
        ({**SPOKEN, "content": [{"type": "input_audio", "audio": "AAA"}]}, "item.content[0].audio"),
        ({"type": "function_call", "name": "f"}, "item"),
        ({"type": "thought"}, "item"),
    ],
)
async def test_what_is_no_item_is_refused(sandbox: SandboxServer, item: dict[str, Any], param: str) -> None:
    async with session(sandbox) as talk:
        error = await talk.refused("conversation.item.create", item=item)
        assert (error["type"], error["param"]) == ("invalid_request_error", param)
        await talk.say("still here")


@pytest.mark.parametrize(
    "item",
    [
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {"type": "function_call", "name": "f", "arguments": "{}", "role": "user", "content": [5]},
        {"type": "function_call_output", "call_id": "call_1", "output": "3"},
        {
            "type": "mcp_approval_response",
            "id": "mcpr_1",
            "approval_request_id": "a",
            "approve": True,
            "reason": None,
        },
        message("Yes?", "assistant", status="incomplete"),
        message("Be kind.", "system"),
    ],
)
async def test_each_kind_of_item_is_kept_as_it_is(sandbox: SandboxServer, item: dict[str, Any]) -> None:
    async with session(sandbox) as talk:
        await talk.send("conversation.item.create", item=item)
        done = (await talk.until("conversation.item.done"))[-1]["item"]
        assert done.items() >= {name: value for name, value in item.items() if value is not None}.items()
        await talk.respond(output_modalities=["text"])


async def test_a_conversation_forgets_its_oldest_items(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime_items, "MAX_BYTES", 100_000)
    async with session(sandbox) as talk:
        first = (await talk.say("x" * 60_000))["item"]["id"]
        second = (await talk.say("y"))["item"]["id"]
        await talk.say("z" * 60_000)
        assert (await talk.refused("conversation.item.delete", item_id=first))["param"] == "item_id"
        await talk.ask("conversation.item.delete", "conversation.item.deleted", item_id=second)


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": None}, "missing_required_parameter", "type"),
        ({"type": 5}, "invalid_type", "type"),
        ({"type": "transcription_session.update"}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": []}, "invalid_type", "session"),
        ({"type": "session.update", "session": {}}, "invalid_value", "session"),
        ({"type": "conversation.item.delete", "item_id": 5}, "invalid_type", "item_id"),
        ({"type": "response.create", "response": "now"}, "invalid_type", "response"),
        ({"type": "response.create", "event_id": "x" * 513}, "string_above_max_length", "event_id"),
        ({"type": "response.create", "event_id": 5}, "invalid_type", "event_id"),
        ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
    ],
)
async def test_what_is_no_event_is_refused(
    sandbox: SandboxServer, event: dict[str, Any], code: str, param: str
) -> None:
    async with session(sandbox) as talk:
        await talk.socket.send(json.dumps(event))
        error = (await talk.read())["error"]
        assert (error["code"], error["param"], error["event_id"]) == (code, param, None)
        await updated(talk)


@pytest.mark.parametrize(
    "data", ["", "{", "[]", "null", '{"type": NaN}', '"\\ud800"', "[" * 1000, b"", b"{}", b"\xff"]
)
async def test_what_is_no_object_is_refused(sandbox: SandboxServer, data: str | bytes) -> None:
    async with session(sandbox) as talk:
        await talk.socket.send(data)
        event = await talk.read()
        assert (event["type"], event["error"]["type"]) == ("error", "invalid_request_error")
        await updated(talk)
