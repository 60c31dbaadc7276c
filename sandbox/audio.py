"""Speech, transcriptions and translations: what is said is silence, what is heard is the sandbox's reply."""

import base64
import re
from collections.abc import AsyncIterator, Iterator

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from sandbox import events, reply, tokens
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.errors import ApiError
from sandbox.prompt import Prompt
from sandbox.requests import check
from sandbox.sounds import SOUNDS

MAX_BYTES = 25 * 1024 * 1024
_CHUNK_BYTES = 4_096
_SECONDS_PER_WORD = 0.5


def speak(call: Call) -> Response:
    """Answer ``createSpeech``: a frame of silence for each word, as a file or as events."""
    check(call)
    words = list(tokens.words(call.given["input"]))
    media_type, sound = SOUNDS[call.given.get("response_format") or "mp3"]
    audio = sound(max(len(words), 1))
    chunks = [audio[start : start + _CHUNK_BYTES] for start in range(0, len(audio), _CHUNK_BYTES)]
    if call.given.get("stream_format") == "sse":
        return call.stream(_spoken(chunks, tokens.count(call.given["input"]), len(words)))
    return StreamingResponse(_each(chunks), media_type=media_type)


async def _each(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _spoken(chunks: list[bytes], asked: int, answered: int) -> Iterator[bytes]:
    for chunk in chunks:
        event = {"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()}
        yield events.frame(event, event["type"])
    usage = {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered}
    yield events.frame({"type": "speech.audio.done", "usage": usage}, "speech.audio.done")


def transcribe(call: Call) -> Response:
    """Answer ``createTranscription``: in the form that is asked for, or as events with ``stream``."""
    text = _heard(call)
    if call.flag("stream"):
        return call.stream(_deltas(text))
    return _written(call, text)


def translate(call: Call) -> Response:
    """Answer ``createTranslation``."""
    return _written(call, _heard(call))


def _heard(call: Call) -> str:
    check(call)
    file = call.file("file")
    if file.content.size > MAX_BYTES:
        raise ApiError(413, f"The file is larger than the limit of {MAX_BYTES} bytes.", param="file")
    if not file.content.size:
        raise ApiError(
            400, "Audio file might be corrupted or unsupported", param="file", code="invalid_value"
        )
    prompt = Prompt(str(call.given.get("prompt") or file.filename), "", 0)
    return reply.decide(prompt, call.headers, None, reply.Format()).text


def _written(call: Call, text: str) -> Response:
    end = len(list(tokens.words(text))) * _SECONDS_PER_WORD
    # An empty line ends a cue.
    cue = re.sub(r"\n\s*\n", "\n", text.strip())
    match call.given.get("response_format") or "json":
        case "text":
            return PlainTextResponse(text + "\n")
        case "srt":
            return PlainTextResponse(f"1\n{_clock(0, ',')} --> {_clock(end, ',')}\n{cue}\n\n")
        case "vtt":
            return PlainTextResponse(f"WEBVTT\n\n{_clock(0, '.')} --> {_clock(end, '.')}\n{cue}\n\n")
        case "verbose_json":
            segment = {"id": 0, "start": 0.0, "end": end, "text": text}
            facts = {"language": "english", "duration": end, "segments": [segment], "text": text}
            return call.answer({**facts, "usage": {"type": "duration", "seconds": end}})
        case "diarized_json":
            segment = {"id": "seg_1", "start": 0.0, "end": end, "text": text, "speaker": "A"}
            facts = {"task": "transcribe", "duration": end, "segments": [segment], "text": text}
            return call.answer({**facts, "usage": {"type": "duration", "seconds": end}})
        case _:
            return call.answer({"text": text, "usage": _usage(text)})


def _deltas(text: str) -> Iterator[bytes]:
    for word in tokens.words(text):
        yield events.frame({"type": "transcript.text.delta", "delta": word}, "transcript.text.delta")
    done = {"type": "transcript.text.done", "text": text, "usage": _usage(text)}
    yield events.frame(done, "transcript.text.done")


def _usage(text: str) -> JsonObject:
    count = tokens.count(text)
    details = {"audio_tokens": 10, "text_tokens": 0}
    known = {"type": "tokens", "input_tokens": 10, "input_token_details": details}
    return {**known, "output_tokens": count, "total_tokens": 10 + count}


def _clock(seconds: float, point: str) -> str:
    whole, rest = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{rest:03}"


HANDLERS: dict[str, Handler] = {
    "createSpeech": speak,
    "createTranscription": transcribe,
    "createTranslation": translate,
}
