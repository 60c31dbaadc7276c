"""Whole conversations over WebSockets, as data: clients in every language hold the same ones."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]

SAID = "un deux trois, “é🙂”"
_SILENCE = base64.b64encode(bytes(48_000)).decode()  # a second of it
_CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_FORCED = {
    "tools": [{"type": "function", "name": "weather", "parameters": _CITY}],
    "tool_choice": {"type": "function", "name": "weather"},
}
_TEXT = {"type": "realtime", "output_modalities": ["text"], "instructions": "Be brief."}
_ADDED = "conversation.item.done"
_DONE, _COMPLETED = "response.done", "response.completed"
# What stands in an event for the id of the call, or of the response, that came last.
_CALL, _RESPONSE = "$call", "$response"


@dataclass(frozen=True)
class Talk:
    """One conversation: what opens it, in the words of the library's `connect`, and who says what in it.

    `turns` are what the client sends, each with the type of the event that it waits for then; None: it does
    not wait. `first` is what it waits for before all that, if anything.
    """

    operation: str
    opening: Event
    first: str | None
    turns: list[tuple[Event, str | None]]
    check: Callable[[list[Event]], None]


def moves(talk: Talk, heard: list[Event]) -> Iterator[Event | None]:
    """What the client does next: send an event, or, where it is None, add to `heard` what comes."""
    yield from _waiting(heard, talk.first)
    for event, until in talk.turns:
        yield _filled(event, heard)
        yield from _waiting(heard, until)


def _waiting(heard: list[Event], until: str | None) -> Iterator[None]:
    kind = None
    while kind != until:
        yield
        kind = heard[-1]["type"]
        assert kind == until or kind != "error", heard[-1]


def _filled(event: Event, heard: list[Event]) -> Event:
    text = json.dumps(event)
    for one in heard:
        text = text.replace(_CALL, one["call_id"]) if "call_id" in one else text
    responses = [one["response"]["id"] for one in heard if "response" in one]
    filled: Event = json.loads(text.replace(_RESPONSE, responses[-1] if responses else ""))
    return filled


def _asked(text: str) -> Event:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _added(item: Event) -> tuple[Event, str]:
    return {"type": "conversation.item.create", "item": item}, _ADDED


def _responses(events: list[Event], last: str) -> list[list[Event]]:
    """The events of each response, in order; each is whole."""
    found: list[list[Event]] = []
    for event in events:
        if event["type"] == "response.created":
            found.append([])
        if found:
            found[-1].append(event)
    for response in found:
        end = next(event for event in response if event["type"] == last)
        assert end["response"]["status"] == "completed"
        assert end["response"]["usage"]["total_tokens"] > 0
    return found


def _joined(events: list[Event], kind: str) -> str:
    return "".join(event["delta"] for event in events if event["type"] == f"{kind}.delta")


def _check_realtime(events: list[Event]) -> None:
    text, call, audio, last = _responses(events, _DONE)
    assert _joined(text, "response.output_text") == SAID
    assert json.loads(_joined(call, "response.function_call_arguments")).keys() == {"city"}
    assert len(base64.b64decode(_joined(audio, "response.output_audio"))) > 1_000
    [part] = next(event for event in audio if event["type"] == _DONE)["response"]["output"][0]["content"]
    assert _joined(audio, "response.output_audio_transcript") == part["transcript"] != ""
    assert _joined(last, "response.output_text") == "still here"
    [error] = [event["error"] for event in events if event["type"] == "error"]
    assert (error["event_id"], error["param"]) == ("mine", "type")


def _check_responses(events: list[Event]) -> None:
    first, second = _responses(events, _COMPLETED)
    assert _joined(first, "response.output_text") == SAID
    assert _joined(second, "response.output_text") == "more"
    assert [event["sequence_number"] for event in first] == list(range(len(first)))
    assert second[-1]["response"]["previous_response_id"] == first[0]["response"]["id"]


def _check_translation(events: list[Event]) -> None:
    assert [event["type"] for event in events[:2]] == ["session.created", "session.updated"]
    assert events[1]["session"]["audio"]["output"]["language"] == "de"
    assert _joined(events, "session.output_transcript")
    assert len(base64.b64decode(_joined(events, "session.output_audio"))) == 48_000
    assert events[-1]["type"] == "session.closed"


TALKS = {
    "realtime": Talk(
        "connectRealtime",
        {"model": "gpt-realtime"},
        "session.created",
        [
            ({"type": "session.update", "session": _TEXT}, "session.updated"),
            _added(_asked(f"Say exactly: {SAID}")),
            ({"type": "response.create"}, _DONE),
            ({"type": "response.create", "response": _FORCED}, _DONE),
            _added({"type": "function_call_output", "call_id": _CALL, "output": "17 degrees"}),
            ({"type": "input_audio_buffer.append", "audio": _SILENCE}, None),
            ({"type": "input_audio_buffer.commit"}, _ADDED),
            ({"type": "response.create", "response": {"output_modalities": ["audio"]}}, _DONE),
            ({"type": "no.such.event", "event_id": "mine"}, "error"),
            _added(_asked("Say exactly: still here")),
            ({"type": "response.create"}, _DONE),
        ],
        _check_realtime,
    ),
    "responses": Talk(
        "connectResponses",
        {},
        None,
        [
            ({"type": "response.create", "model": "gpt-5.1", "input": f"Say exactly: {SAID}"}, _COMPLETED),
            (
                {
                    "type": "response.create",
                    "model": "gpt-5.1",
                    "input": "Say exactly: more",
                    "previous_response_id": _RESPONSE,
                },
                _COMPLETED,
            ),
        ],
        _check_responses,
    ),
    "realtime.translations": Talk(
        "connectRealtimeTranslation",
        {"model": "gpt-realtime-translate"},
        "session.created",
        [
            (
                {"type": "session.update", "session": {"audio": {"output": {"language": "de"}}}},
                "session.updated",
            ),
            ({"type": "session.input_audio_buffer.append", "audio": _SILENCE}, "session.output_audio.delta"),
            ({"type": "session.close"}, "session.closed"),
        ],
        _check_translation,
    ),
}
