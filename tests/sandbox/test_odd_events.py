"""Odd events of clients: each is answered in the contract's shape, and the session goes on."""

import copy
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from sandbox.server import SandboxServer
from tests.sandbox.talk import KEY, MODEL, address, judge, message

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
HEARING: dict[str, Any] = {
    "format": {"type": "audio/pcm", "rate": 24_000},
    "noise_reduction": {"type": "near_field"},
    "transcription": {"model": "whisper-1", "prompt": "x", "language": "en"},
    "turn_detection": {"type": "server_vad", "threshold": 0.5, "idle_timeout_ms": None},
}
SPEAKING = {"format": {"type": "audio/pcmu"}, "voice": {"id": "voice_1"}, "speed": 1.0}
SESSION: dict[str, Any] = {
    "type": "realtime",
    "model": "gpt-realtime",
    "audio": {"input": HEARING, "output": SPEAKING},
    "instructions": "Be brief.",
    "max_output_tokens": "inf",
    "output_modalities": ["text"],
    "prompt": {"id": "pmpt_1", "variables": {}},
    "tools": [TOOL],
    "tool_choice": {"type": "function", "name": "f"},
    "tracing": {"group_id": "g"},
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
}
RESPONSE: dict[str, Any] = {
    "audio": {"output": {"format": {"type": "audio/pcm"}, "voice": "alloy"}},
    "conversation": "none",
    "input": [message("x"), {"type": "item_reference", "id": "a"}],
    "instructions": "x",
    "max_output_tokens": 5,
    "metadata": {"a": "b"},
    "output_modalities": ["audio"],
    "tools": [TOOL],
    "tool_choice": "required",
}
SPOKEN = {"type": "input_audio", "audio": "AAAA", "transcript": "x"}
AUDIO = "100 ms"
SAMPLES = "A" * 6_400
ITEMS: list[dict[str, Any]] = [
    message("x", id="a", status="completed"),
    message("x", "system"),
    message("x", "assistant"),
    {
        "type": "message",
        "role": "user",
        "content": [SPOKEN, {"type": "input_image", "image_url": "https://x/"}],
    },
    {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
    {"type": "function_call_output", "call_id": "c", "output": "x"},
    {"type": "mcp_approval_response", "id": "m", "approval_request_id": "a", "approve": True, "reason": "x"},
]
REALTIME: list[dict[str, Any]] = [
    {"type": "session.update", "session": SESSION},
    *({"type": "conversation.item.create", "item": item, "previous_item_id": "root"} for item in ITEMS),
    *({"type": f"conversation.item.{verb}", "item_id": "a"} for verb in ("retrieve", "delete")),
    {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 0},
    {"type": "input_audio_buffer.append", "audio": AUDIO},
    *({"type": f"input_audio_buffer.{verb}"} for verb in ("commit", "clear")),
    {"type": "output_audio_buffer.clear"},
    {"type": "response.create", "response": RESPONSE},
    {"type": "response.create"},
    {"type": "response.cancel", "response_id": "resp_1"},
]
TRANSCRIPTION = {"type": "transcription", "audio": {"input": HEARING}, "include": []}
RESPONSES: list[dict[str, Any]] = [
    {"type": "response.create", "model": "m", "input": "x", "stream_id": "a", "max_output_tokens": 20},
    {
        "type": "response.create",
        "model": "m",
        "input": [message("x")],
        "tools": [TOOL],
        "metadata": {"a": "b"},
    },
]
TRANSLATION: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"audio": {"input": HEARING, "output": {"language": "de"}}}},
    {"type": "session.input_audio_buffer.append", "audio": AUDIO},
]
SENTINEL = {"type": "the end", "event_id": "the end", "stream_id": "the end"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value within another."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*path, key)
        yield from places(part, (*path, key))


FIELDS = sorted(
    {
        key
        for event in REALTIME + TRANSLATION
        for path in places(event)
        for key in path
        if isinstance(key, str)
    }
)


@st.composite
def odd(draw: st.DrawFn, events: list[dict[str, Any]]) -> dict[str, Any]:
    """One of the events, up to three of its values replaced, taken away or put beside others."""
    event: Any = copy.deepcopy(draw(st.sampled_from(events)))
    for _ in range(draw(st.integers(0, 3))):
        *way, last = draw(st.sampled_from(list(places(event))))
        holder = event
        for step in way:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "remove" if len(event) > 1:
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from(FIELDS) | TEXT)] = draw(VALUE)
            case _:
                holder[last] = draw(VALUE)
    assert isinstance(event, dict)
    return event


SESSIONS: dict[str, tuple[str, dict[str, str], str, list[dict[str, Any]]]] = {
    "realtime": ("/realtime", MODEL, "RealtimeServerEvent", REALTIME),
    "transcription": (
        "/realtime",
        {"intent": "transcription"},
        "RealtimeServerEvent",
        [{"type": "session.update", "session": TRANSCRIPTION}, *REALTIME[1:]],
    ),
    "responses": ("/responses", {}, "ResponsesServerEvent", RESPONSES),
    "translation": ("/realtime/translations", MODEL, "RealtimeTranslationServerEvent", TRANSLATION),
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No event is a failure of the sandbox."""
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def connected(url: str) -> ClientConnection:
    # A client whose queue is full reads on no more, not even for the end.
    return connect(url, additional_headers=KEY, max_queue=None)


@pytest.mark.parametrize("kind", SESSIONS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_odd_events_are_answered(sandbox: SandboxServer, kind: str, data: st.DataObject) -> None:
    path, query, union, templates = SESSIONS[kind]
    events = data.draw(st.lists(odd(templates), min_size=1, max_size=6))
    with connected(address(sandbox, path, query)) as socket:
        for event in [*events, SENTINEL]:
            socket.send(json.dumps(event).replace(AUDIO, SAMPLES))
        while True:
            told = json.loads(socket.recv(timeout=10))
            # A response gives its request back as it came, so that its events are as odd.
            if kind != "responses" or told["type"] == "error":
                judge(union, told)
            if told["type"] == "error":
                assert told["error"]["type"] == "invalid_request_error", told
                if "the end" in (told.get("stream_id"), told["error"].get("event_id")):
                    break


@settings(max_examples=50, deadline=None)
@given(messages=st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.binary(), max_size=6))
@pytest.mark.parametrize("kind", SESSIONS)
def test_any_message_is_answered(sandbox: SandboxServer, kind: str, messages: list[str | bytes]) -> None:
    path, query, union, _ = SESSIONS[kind]
    with connected(address(sandbox, path, query)) as socket:
        for text in [*messages, "{}"]:
            socket.send(text)
        answers = [
            json.loads(socket.recv(timeout=10)) for _ in range(len(messages) + 1 + (path != "/responses"))
        ]
        for answer in answers:
            judge(union, answer)
        assert [answer["type"] for answer in answers].count("error") == len(messages) + 1
