from typing import Any

import pytest

from sandbox import realtime_socket
from sandbox.server import SandboxServer
from tests.sandbox.talk import MODEL, message, opened, session

TOOL = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
OPENING = ["response.created", "rate_limits.updated", "response.output_item.added", "conversation.item.added"]
CLOSING = ["conversation.item.done", "response.output_item.done", "response.done"]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The types of events, each run of deltas as one round."""
    return list(dict.fromkeys(event["type"] for event in events))


async def test_a_text_is_said_in_the_events_of_the_contract(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        asked = (await talk.say("Return exactly: one two"))["item"]["id"]
        events = await talk.respond(output_modalities=["text"], metadata={"a": "b"})
    text = ["response.output_text.delta", "response.output_text.done"]
    part = ["response.content_part.added", *text, "response.content_part.done"]
    assert kinds(events) == [*OPENING, *part, *CLOSING]
    assert "".join(event["delta"] for event in events if event["type"] == text[0]) == "one two"
    assert [event["previous_item_id"] for event in events if "previous_item_id" in event] == [asked] * 2
    done = events[-1]["response"]
    assert (done["status"], done["metadata"]) == ("completed", {"a": "b"})
    assert done["output"][0]["content"] == [{"type": "output_text", "text": "one two"}]
    assert done["usage"]["output_tokens"] == 2
    assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + 2
    assert len({event["event_id"] for event in events}) == len(events)


async def test_speech_comes_with_its_transcript(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        await talk.say("Return exactly: one two")
        events = await talk.respond()
    spoken = ["response.output_audio_transcript.delta", "response.output_audio.delta"]
    ends = ["response.output_audio.done", "response.output_audio_transcript.done"]
    part = ["response.content_part.added", *spoken, *ends, "response.content_part.done"]
    assert kinds(events) == [*OPENING, *part, *CLOSING]
    assert "".join(event["delta"] for event in events if event["type"] == spoken[0]) == "one two"
    assert events[-1]["response"]["audio"]["output"]["voice"] == "alloy"
    assert events[-1]["response"]["usage"]["output_token_details"]["audio_tokens"] > 0


async def test_a_forced_function_is_called(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        fields = {"type": "realtime", "tools": [TOOL]}
        await talk.ask("session.update", "session.updated", session=fields)
        events = await talk.respond(tool_choice="required")
        arguments = ["response.function_call_arguments.delta", "response.function_call_arguments.done"]
        assert kinds(events) == [*OPENING, *arguments, *CLOSING]
        call = events[-1]["response"]["output"][0]
        assert (call["type"], call["name"], call["arguments"]) == (
            "function_call",
            "weather",
            '{"city": "text"}',
        )
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "warm"}
        await talk.send("conversation.item.create", item=result)
        await talk.until("conversation.item.done")
        by_name = {"type": "function", "name": "weather"}
        assert (await talk.respond(tool_choice=by_name))[-1]["response"]["output"][0]["name"] == "weather"
        error = await talk.refused("response.create", response={"tool_choice": {**by_name, "name": "x"}})
        assert error["param"] == "tool_choice"
        assert (await talk.respond())[-1]["response"]["output"][0]["type"] == "message"


async def test_the_conversation_is_what_is_answered(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        await talk.say("Return exactly: first")
        first = (await talk.respond())[-1]["response"]
        assert first["output"][0]["content"][0]["transcript"] == "first"
        await talk.say("Say exactly: second")
        second = (await talk.respond())[-1]["response"]
        assert second["output"][0]["content"][0]["transcript"] == "second"
        assert second["usage"]["input_tokens"] > first["usage"]["input_tokens"]
        assert second["conversation_id"] == first["conversation_id"]


async def test_a_response_beside_the_conversation_is_not_remembered(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        kept = (await talk.say("Return exactly: kept"))["item"]["id"]
        events = await talk.respond(conversation="none", output_modalities=["text"])
        assert not [event for event in events if event["type"].startswith("conversation.")]
        response = events[-1]["response"]
        assert "conversation_id" not in response
        assert (await talk.refused("conversation.item.retrieve", item_id=response["output"][0]["id"]))[
            "param"
        ]
        for given, said in (
            ([message("Return exactly: other")], "other"),
            ([{"type": "item_reference", "id": kept}], "kept"),
            ([], "The sandbox heard nothing."),
        ):
            events = await talk.respond(conversation="none", input=given, output_modalities=["text"])
            assert events[-1]["response"]["output"][0]["content"][0]["text"] == said
        reference = {"input": [{"type": "item_reference", "id": "item_x"}]}
        assert (await talk.refused("response.create", response=reference))["param"] == "item_id"


async def test_instructions_are_followed(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        fields = {"type": "realtime", "instructions": "Return exactly: hello"}
        await talk.ask("session.update", "session.updated", session=fields)
        assert (await talk.respond())[-1]["response"]["output"][0]["content"][0]["transcript"] == "hello"
        events = await talk.respond(instructions="Return exactly: bye", output_modalities=["text"])
        assert events[-1]["response"]["output"][0]["content"][0]["text"] == "bye"


async def test_an_answer_is_cut_where_a_limit_says(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        await talk.say("Return exactly: one two three")
        done = (await talk.respond(output_modalities=["text"], max_output_tokens=1))[-1]["response"]
        assert (done["status"], done["output"][0]["status"]) == ("incomplete", "incomplete")
        assert done["status_details"]["reason"] == "max_output_tokens"
        assert done["output"][0]["content"][0]["text"] == "one "
        done = (await talk.respond(max_output_tokens="inf"))[-1]["response"]
        assert done["status"] == "completed"


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_a_response_can_be_cancelled(sandbox: SandboxServer, modality: str) -> None:
    async with session(sandbox, {**MODEL, "x-sandbox-delay-ms": "5000"}) as talk:
        await talk.say("Return exactly: one two three")
        await talk.send("response.create", response={"output_modalities": [modality]})
        created = await talk.read()
        name = created["response"]["id"]
        for other in ({"response_id": "resp_x"}, {"response_id": ""}):
            assert (await talk.refused("response.cancel", **other))["code"] == "response_cancel_not_active"
        await talk.send("response.cancel", response_id=name)
        done = (await talk.until("response.done"))[-1]["response"]
        assert (done["id"], done["status"], done["output"]) == (name, "cancelled", [])
        assert done["status_details"]["reason"] == "client_cancelled"
        assert (await talk.refused("response.cancel"))["code"] == "response_cancel_not_active"


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_what_was_said_before_is_kept(sandbox: SandboxServer, modality: str) -> None:
    async with session(sandbox, {**MODEL, "x-sandbox-delay-ms": "1"}) as talk:
        await talk.say("Return exactly: " + "one " * 10_000)
        await talk.send("response.create", response={"output_modalities": [modality]})
        delta = f"response.output_{'audio_transcript' if modality == 'audio' else 'text'}.delta"
        events = await talk.until(delta)
        await talk.send("response.cancel")
        events += await talk.until("response.done")
        output = events[-1]["response"]["output"][0]
        said = "".join(event["delta"] for event in events if event["type"] == delta)
        assert output["status"] == "incomplete"
        part = output["content"][0]
        assert said == part.get("transcript", part.get("text"))
        got = await talk.ask(
            "conversation.item.retrieve", "conversation.item.retrieved", item_id=output["id"]
        )
        assert {**got["item"]["content"][0], "audio": None} == {**part, "audio": None}


async def test_one_response_at_a_time_is_made(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime_socket, "MAX_TURNS", 1)
    async with session(sandbox, {**MODEL, "x-sandbox-delay-ms": "5000"}) as talk:
        created = await talk.ask("response.create", "response.created")
        error = await talk.refused("response.create")
        assert error["code"] == "conversation_already_has_active_response"
        assert created["response"]["id"] in error["message"]
        beside = {"conversation": "none"}
        await talk.ask("response.create", "response.created", response=beside)
        error = await talk.refused("response.create", response=beside)
        assert error["code"] == "conversation_already_has_active_response"
        await talk.send("response.cancel")
        await talk.until("response.done")
        await talk.ask("response.create", "response.created")


@pytest.mark.parametrize("fields", [{"modalities": ["text"]}, {"output_modalities": ["text", "audio"]}])
async def test_what_no_response_takes_is_refused(sandbox: SandboxServer, fields: dict[str, Any]) -> None:
    async with session(sandbox) as talk:
        error = await talk.refused("response.create", response=fields)
        assert error["param"] == f"response.{next(iter(fields))}"


async def test_what_is_said_comes_by_header_or_query(sandbox: SandboxServer) -> None:
    query = {**MODEL, "x-sandbox-reply": "from the quäry"}
    async with session(sandbox, query) as talk:
        events = await talk.respond()
        assert events[-1]["response"]["output"][0]["content"][0]["transcript"] == "from the quäry"
    headers = {"authorization": "Bearer k", "x-sandbox-reply": "from the header"}
    async with opened(sandbox, query, headers=headers) as talk:
        await talk.read()
        events = await talk.respond()
        assert events[-1]["response"]["output"][0]["content"][0]["transcript"] == "from the header"


async def test_equal_sessions_say_the_same_in_equal_sandboxes() -> None:
    said = []
    for _ in range(2):
        with SandboxServer() as server:
            async with opened(server) as talk:
                events = [await talk.read(), *await talk.respond()]
                said.append(events)
    assert said[0] == said[1]
