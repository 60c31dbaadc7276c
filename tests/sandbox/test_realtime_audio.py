import base64
from typing import Any

import pytest

from sandbox import realtime_audio
from sandbox.server import SandboxServer
from tests.sandbox.talk import MODEL, Talk, session

# 100 ms, the least that can be committed, in bytes of each format: 24 kHz at two bytes, 8 kHz at one.
TENTH = {"audio/pcm": 4_800, "audio/pcmu": 800, "audio/pcma": 800}
DELTA = "response.output_audio.delta"


def encoded(size: int) -> str:
    return base64.b64encode(bytes(range(256)) * (size // 256) + bytes(size % 256)).decode()


async def hear(talk: Talk, kind: str) -> None:
    audio = {"input": {"format": {"type": kind}}, "output": {"format": {"type": kind}}}
    await talk.ask("session.update", "session.updated", session={"type": "realtime", "audio": audio})


@pytest.mark.parametrize("kind", TENTH)
async def test_what_was_sent_becomes_an_item(sandbox: SandboxServer, kind: str) -> None:
    size = TENTH[kind]
    async with session(sandbox) as talk:
        await hear(talk, kind)
        before = (await talk.say("x"))["item"]["id"]
        for _ in range(2):
            await talk.send("input_audio_buffer.append", audio=encoded(size // 2))
        committed = await talk.ask("input_audio_buffer.commit", "input_audio_buffer.committed")
        added, done = await talk.until("conversation.item.done")
        assert committed["previous_item_id"] == added["previous_item_id"] == before
        assert committed["item_id"] == added["item"]["id"] == done["item"]["id"]
        assert done["item"]["content"] == [{"type": "input_audio"}]
        name = committed["item_id"]
        got = await talk.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=name)
    heard = base64.b64decode(got["item"]["content"][0]["audio"])
    assert heard == base64.b64decode(encoded(size // 2)) * 2


@pytest.mark.parametrize("kind", TENTH)
async def test_less_than_100_ms_cannot_be_committed(sandbox: SandboxServer, kind: str) -> None:
    async with session(sandbox) as talk:
        await hear(talk, kind)
        assert (await talk.refused("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
        await talk.send("input_audio_buffer.append", audio=encoded(TENTH[kind] - 1))
        await talk.refused("input_audio_buffer.commit")
        await talk.send("input_audio_buffer.append", audio=encoded(1))
        await talk.ask("input_audio_buffer.commit", "input_audio_buffer.committed")


async def test_what_is_cleared_is_gone(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        await talk.send("input_audio_buffer.append", audio=encoded(10_000))
        await talk.ask("input_audio_buffer.clear", "input_audio_buffer.cleared")
        assert "0.00ms" in (await talk.refused("input_audio_buffer.commit"))["message"]


@pytest.mark.parametrize("audio", ["x", "AAA", "AAAA\n", "äöü=", "AA==AA"])
async def test_what_is_no_base64_is_refused(sandbox: SandboxServer, audio: str) -> None:
    async with session(sandbox) as talk:
        error = await talk.refused("input_audio_buffer.append", audio=audio, event_id="e")
    assert (error["param"], error["code"], error["event_id"]) == ("audio", "invalid_value", "e")


async def test_the_buffer_is_bounded(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime_audio, "MAX_BYTES", 10_000)
    async with session(sandbox) as talk:
        await talk.send("input_audio_buffer.append", audio=encoded(8_000))
        error = await talk.refused("input_audio_buffer.append", audio=encoded(8_000))
        assert error["code"] == "input_audio_buffer_full"
        await talk.ask("input_audio_buffer.commit", "input_audio_buffer.committed")


@pytest.mark.parametrize("query", [{"intent": "transcription"}, MODEL])
async def test_speech_is_written_down_where_that_is_wanted(
    sandbox: SandboxServer, query: dict[str, str]
) -> None:
    kind = "transcription" if "intent" in query else "realtime"
    audio = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
    async with session(sandbox, {**query, "x-sandbox-reply": "Grüß Gott, Welt"}) as talk:
        await talk.ask("session.update", "session.updated", session={"type": kind, "audio": audio})
        await talk.send("input_audio_buffer.append", audio=encoded(4_800))
        await talk.send("input_audio_buffer.commit")
        *events, completed = await talk.until("conversation.item.input_audio_transcription.completed")
        deltas = [event["delta"] for event in events if event["type"].endswith("transcription.delta")]
        assert "".join(deltas) == completed["transcript"] == "Grüß Gott, Welt"
        assert completed["item_id"] == events[0]["item_id"]
        name = completed["item_id"]
        got = await talk.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=name)
        assert got["item"]["content"][0]["transcript"] == "Grüß Gott, Welt"


async def test_a_session_that_transcribes_makes_no_responses(sandbox: SandboxServer) -> None:
    async with session(sandbox, {"intent": "transcription"}) as talk:
        assert (await talk.refused("response.create"))["param"] == "type"
        assert (await talk.refused("session.update", session={"type": "realtime"}))["param"] == "session.type"


def spoken(events: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(event["delta"]) for event in events if event["type"] == DELTA)


@pytest.mark.parametrize(("kind", "silence"), [("audio/pcm", 0), ("audio/pcmu", 0xFF), ("audio/pcma", 0xD5)])
async def test_the_model_speaks_the_format_that_is_asked_for(
    sandbox: SandboxServer, kind: str, silence: int
) -> None:
    async with session(sandbox) as talk:
        await talk.say("Return exactly: one two")
        events = await talk.respond(audio={"output": {"format": {"type": kind}}})
        audio = spoken(events)
        assert set(audio) == {silence}
        assert len(audio) % (TENTH[kind] // 100) == 0
        output = events[-1]["response"]["output"][0]
        assert output["content"] == [{"type": "output_audio", "transcript": "one two"}]
        got = await talk.ask(
            "conversation.item.retrieve", "conversation.item.retrieved", item_id=output["id"]
        )
        assert base64.b64decode(got["item"]["content"][0]["audio"]) == audio


async def test_speech_can_be_truncated(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        asked = (await talk.say("Return exactly: one two"))["item"]["id"]
        events = await talk.respond()
        name = events[-1]["response"]["output"][0]["id"]
        length = len(spoken(events)) // (2 * 24)
        kind, fields = "conversation.item.truncate", {"item_id": name, "content_index": 0}
        assert (await talk.refused(kind, **fields, audio_end_ms=length + 1))["param"] == "audio_end_ms"
        assert (await talk.refused(kind, **fields, audio_end_ms=-1))["param"] == "audio_end_ms"
        other = {**fields, "content_index": 1}
        assert (await talk.refused(kind, **other, audio_end_ms=1))["param"] == "content_index"
        for wrong in (asked, "item_x"):
            assert (await talk.refused(kind, **{**fields, "item_id": wrong}, audio_end_ms=1))[
                "param"
            ] == "item_id"
        cut = await talk.ask(kind, "conversation.item.truncated", **fields, audio_end_ms=48)
        assert (cut["item_id"], cut["audio_end_ms"]) == (name, 48)
        got = await talk.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=name)
    part = got["item"]["content"][0]
    assert "transcript" not in part
    assert len(base64.b64decode(part["audio"])) == 48 * 24 * 2


async def test_speech_can_be_truncated_while_it_is_spoken(sandbox: SandboxServer) -> None:
    async with session(sandbox, {**MODEL, "x-sandbox-delay-ms": "10"}) as talk:
        await talk.say("Return exactly: " + "one " * 1_000)
        await talk.send("response.create")
        name = (await talk.until(DELTA))[-1]["item_id"]
        await talk.send("response.cancel")
        await talk.send("conversation.item.truncate", item_id=name, content_index=0, audio_end_ms=24)
        # Both are answered, in whichever order.
        left = {"response.done", "conversation.item.truncated"}
        while left:
            left.discard((await talk.read())["type"])
        got = await talk.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=name)
    part = got["item"]["content"][0]
    assert "transcript" not in part
    assert len(base64.b64decode(part["audio"])) == 24 * 24 * 2
