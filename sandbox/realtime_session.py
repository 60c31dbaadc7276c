"""The session object of a realtime WebSocket: as it begins, and as the client's updates change it."""

from typing import Any

from sandbox import client_events, tools
from sandbox.bodies import JsonObject
from sandbox.contract import target
from sandbox.errors import ApiError
from sandbox.render import render

SECONDS = 3600
TRANSCRIPTION = "transcription"

_PCM = {"type": "audio/pcm", "rate": 24_000}
_TURNS = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_INPUT = {"format": _PCM, "turn_detection": _TURNS}
_BEGUN: JsonObject = {
    "object": "realtime.session",
    "type": "realtime",
    "output_modalities": ["audio"],
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "audio": {"input": _INPUT, "output": {"format": _PCM, "voice": "alloy", "speed": 1.0}},
}
_TRANSCRIBING: JsonObject = {
    "object": "realtime.transcription_session",
    "type": TRANSCRIPTION,
    "audio": {"input": _INPUT},
}
# Objects of which an update may say a part; any other value is replaced whole.
_PARTS = ("audio", "input", "output")
# What null takes away; elsewhere it says nothing.
_OPTIONAL = ("noise_reduction", "prompt", "tracing", "transcription", "turn_detection")
_UPDATES = {
    "realtime": "RealtimeSessionCreateRequestGA",
    TRANSCRIPTION: "RealtimeTranscriptionSessionCreateRequestGA",
}
_SCHEMAS = "#/components/schemas/Realtime{}CreateResponseGA"


def begun(name: str, model: str | None, now: int) -> JsonObject:
    """Return the session as it is opened, at a time in seconds since 1970; without a model it transcribes."""
    kind = _TRANSCRIBING if model is None else {**_BEGUN, "model": model}
    return shown({**kind, "id": name, "expires_at": now + SECONDS})


def updated(session: JsonObject, given: JsonObject, *, spoken: bool) -> JsonObject:
    """Return the session with what an update says; what it must not change is a 400.

    That is its type, its model, and, once something was ``spoken``, its voice.
    """
    if given["type"] != session["type"]:
        message = f"A session of type '{session['type']}' cannot become one of type '{given['type']}'."
        raise ApiError(400, message, param="session.type", code="invalid_value")
    _check(given, _UPDATES[given["type"]], "session")
    if given.get("model") not in (None, session.get("model")):
        message = "Cannot update a conversation's model."
        raise ApiError(400, message, param="session.model", code="cannot_update_model")
    after = shown(merged(session, given))
    if spoken and _voice(after) != _voice(session):
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise ApiError(400, message, param="session.audio.output.voice", code="cannot_update_voice")
    return after


def asked(session: JsonObject, given: JsonObject) -> JsonObject:
    """Return the fields of a session with those of a ``response.create`` over them."""
    _check(given, "RealtimeResponseCreateParams", "response")
    return _plain(merged(session, given))


def _check(given: JsonObject, schema: str, within: str) -> None:
    client_events.check_known(given, schema, within)
    if sorted(given.get("output_modalities") or []) == ["audio", "text"]:
        message = "Invalid modalities: ['text', 'audio']. Supported combinations are: ['text'] and ['audio']."
        raise ApiError(400, message, param=f"{within}.output_modalities", code="invalid_value")
    tools.forced({"tools": given.get("tools")}, wrapped=False)


def shown(facts: JsonObject) -> JsonObject:
    """Return facts as the session object that the contract describes."""
    kind = "TranscriptionSession" if facts["type"] == TRANSCRIPTION else "Session"
    made: JsonObject = render(target(_SCHEMAS.format(kind)), _plain(facts))
    return made


def merged(before: JsonObject, given: JsonObject) -> JsonObject:
    """Return the fields of ``given`` over those before; ``audio`` and its two parts are merged in turn."""
    after = dict(before)
    for name, value in given.items():
        if name in _PARTS and isinstance(value, dict):
            after[name] = merged(before.get(name) or {}, value)
        elif value is not None or name in _OPTIONAL:
            after[name] = client_events.said(value)
    return after


def input_format(session: JsonObject) -> str:
    """Return the format of the audio that a session hears, such as ``audio/pcm``."""
    return str(session["audio"]["input"]["format"]["type"])


def _plain(facts: JsonObject) -> JsonObject:
    """Facts in which each format says its type, and a voice of the client's own is its id."""
    if "audio" not in facts:
        return facts
    audio = {name: dict(part) for name, part in facts["audio"].items() if name in _PARTS}
    for part in audio.values():
        part["format"] = part["format"] if "type" in part.get("format", {}) else _PCM
        if isinstance(part.get("voice"), dict):
            part["voice"] = part["voice"]["id"]
    return {**facts, "audio": audio}


def _voice(session: JsonObject) -> Any:
    return session["audio"].get("output", {}).get("voice")
