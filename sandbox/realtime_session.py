"""The session object of a realtime WebSocket: as it begins, and as the client's updates change it."""

from typing import Any

from sandbox import tools
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
    if given.get("model") not in (None, session.get("model")):
        message = "Cannot update a conversation's model."
        raise ApiError(400, message, param="session.model", code="cannot_update_model")
    tools.forced({"tools": given.get("tools")}, wrapped=False)
    merged = shown(_merged(session, given))
    if spoken and voice(merged) != voice(session):
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise ApiError(400, message, param="session.audio.output.voice", code="cannot_update_voice")
    return merged


def shown(facts: JsonObject) -> JsonObject:
    """Return facts as the session object that the contract describes."""
    output = facts.get("audio", {}).get("output")
    if output and isinstance(output.get("voice"), dict):
        audio = {**facts["audio"], "output": {**output, "voice": output["voice"]["id"]}}
        facts = {**facts, "audio": audio}
    kind = "TranscriptionSession" if facts["type"] == TRANSCRIPTION else "Session"
    made: JsonObject = render(target(_SCHEMAS.format(kind)), facts)
    return made


def asked(session: JsonObject, given: JsonObject) -> JsonObject:
    """Return the fields of a session with those of a ``response.create`` over them."""
    return _merged(session, {name: value for name, value in given.items() if value is not None})


def voice(session: JsonObject) -> Any:
    """Return the voice that a session speaks with."""
    return session.get("audio", {}).get("output", {}).get("voice")


def input_format(session: JsonObject) -> JsonObject:
    """Return the format of the audio that a session hears."""
    form: JsonObject = session["audio"]["input"].get("format") or _PCM
    return form


def _merged(before: JsonObject, given: JsonObject) -> JsonObject:
    parts = {
        name: _merged(before.get(name) or {}, value) if name in _PARTS and isinstance(value, dict) else value
        for name, value in given.items()
    }
    return {**before, **parts}
