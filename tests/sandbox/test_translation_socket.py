import base64
import json
from typing import Any

import pytest

from sandbox.server import SandboxServer
from tests.sandbox.talk import Talk, opened

PATH = "/realtime/translations"
APPEND = "session.input_audio_buffer.append"
PIECE = base64.b64encode(bytes(9_600)).decode()


def connected(server: SandboxServer) -> Any:
    query = {"model": "gpt-realtime-translate", "x-sandbox-reply": "guten Tag allerseits"}
    return opened(server, query, path=PATH, union="RealtimeTranslationServerEvent")


async def updated(talk: Talk, audio: dict[str, Any] | None) -> dict[str, Any]:
    event = await talk.ask("session.update", "session.updated", session={"audio": audio})
    assert isinstance(event["session"]["audio"], dict)
    return event["session"]["audio"]


async def test_each_piece_of_audio_is_answered(sandbox: SandboxServer) -> None:
    async with connected(sandbox) as talk:
        created = await talk.read()
        assert created["session"]["model"] == "gpt-realtime-translate"
        word = await talk.ask(APPEND, "session.output_transcript.delta", audio=PIECE)
        assert (word["delta"], word["elapsed_ms"]) == ("guten", 200)
        audio = await talk.read()
        assert audio["type"] == "session.output_audio.delta"
        assert len(base64.b64decode(audio["delta"])) == 9_600
        await talk.send("session.close")
        *words, closed = await talk.until("session.closed")
        assert [event["delta"] for event in words] == [" Tag", " allerseits"]
        await talk.socket.wait_closed()
        assert (closed["type"], talk.socket.close_code) == ("session.closed", 1000)


async def test_what_is_heard_is_written_down_where_that_is_wanted(sandbox: SandboxServer) -> None:
    async with connected(sandbox) as talk:
        await talk.read()
        hearing = {"transcription": {"model": "whisper-1"}, "noise_reduction": {"type": "far_field"}}
        assert (await updated(talk, {"input": hearing}))["input"] == hearing
        heard = await talk.ask(APPEND, "session.input_transcript.delta", audio=PIECE)
        assert (await talk.read())["delta"] == heard["delta"] == "guten"
        await talk.read()
        audio = await updated(talk, {"input": {"transcription": None}, "output": {"language": "de"}})
        assert audio == {"input": {**hearing, "transcription": None}, "output": {"language": "de"}}
        assert await updated(talk, None) == audio
        await talk.ask(APPEND, "session.output_transcript.delta", audio=PIECE)


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({"type": APPEND, "audio": "x"}, "audio"),
        ({"type": APPEND}, "audio"),
        ({"type": "session.update", "session": {"model": "x"}}, "session.model"),
        (
            {"type": "session.update", "session": {"audio": {"output": {"language": 5}}}},
            "session.audio.output.language",
        ),
        ({"type": "response.create"}, "type"),
    ],
)
async def test_what_is_no_event_is_refused(sandbox: SandboxServer, event: dict[str, Any], param: str) -> None:
    async with connected(sandbox) as talk:
        await talk.read()
        await talk.socket.send(json.dumps({**event, "event_id": "mine"}))
        error = (await talk.read())["error"]
        assert (error["param"], error["event_id"]) == (param, "mine")
        await updated(talk, {})
