import base64
import io
import struct
import wave
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.sandbox.conftest import Contract, events

SPEECH: dict[str, Any] = {"model": "tts-1", "voice": "alloy"}
HEARD = "/audio/transcriptions"
SOUND = ("a.wav", b"RIFF", "audio/wav")
WORDS = 5
TEXT = "one two three four five"


def spoken(client: OpenAI, form: Any) -> bytes:
    return client.audio.speech.create(**SPEECH, input=TEXT, response_format=form).content


def test_wav_is_read_by_the_standard_library(client: OpenAI) -> None:
    with wave.open(io.BytesIO(spoken(client, "wav"))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 24_000)
        assert sound.readframes(sound.getnframes()) == spoken(client, "pcm")
        assert sound.getnframes() == WORDS * 24 * 24


def test_mp3_is_frames_of_their_own_length(client: OpenAI) -> None:
    data, frames, at = spoken(client, "mp3"), 0, 0
    while at < len(data):
        sync, rates = data[at : at + 2], data[at + 2]
        assert sync == b"\xff\xf3"  # MPEG 2, layer III, no checksum
        bits = [0, 8, 16, 24, 32][rates >> 4] * 1000
        rate = [22_050, 24_000, 16_000][rates >> 2 & 3]
        at, frames = at + 72 * bits // rate, frames + 1
    assert (at, frames) == (len(data), WORDS)


def test_aac_is_frames_of_the_length_they_name(client: OpenAI) -> None:
    data, frames, at = spoken(client, "aac"), 0, 0
    while at < len(data):
        assert int.from_bytes(data[at : at + 2]) & 0xFFF6 == 0xFFF0
        assert data[at + 2] >> 2 & 15 == 6  # 24 kHz
        at, frames = at + (int.from_bytes(data[at + 3 : at + 6]) >> 5 & 0x1FFF), frames + 1
    assert (at, frames) == (len(data), WORDS)


def test_flac_has_its_information_and_no_more(client: OpenAI) -> None:
    data = spoken(client, "flac")
    assert (data[:5], int.from_bytes(data[5:8]), len(data)) == (b"fLaC\x80", 34, 42)
    packed = int.from_bytes(data[18:26])
    assert (packed >> 44, packed >> 41 & 7, (packed >> 36 & 31) + 1) == (24_000, 0, 16)


def test_opus_is_pages_with_right_checksums(client: OpenAI) -> None:
    packets: list[tuple[int, int, bytes]] = []
    data, at = spoken(client, "opus"), 0
    while at < len(data):
        magic, _, kind, position, _, number, crc, _, size = struct.unpack_from("<4sBBqIIIBB", data, at)
        page = bytearray(data[at : at + 28 + size])
        page[22:26] = bytes(4)
        assert (magic, number, crc) == (b"OggS", len(packets), remainder(bytes(page)))
        packets.append((kind, position, bytes(page[28:])))
        at += len(page)
    assert packets[0][2].startswith(b"OpusHead\x01\x01")
    assert packets[1][2].startswith(b"OpusTags")
    assert [kind for kind, _, _ in packets] == [2, 0, 0, 0, 0, 0, 4]
    assert [position for _, position, _ in packets[2:]] == [960 * (index + 1) for index in range(WORDS)]


def remainder(data: bytes) -> int:
    """What is left of a page, taken as a polynomial, divided by Ogg's."""
    number = int.from_bytes(data + bytes(4))
    divisor = 0x104C11DB7
    while (length := number.bit_length()) > 32:
        number ^= divisor << (length - 33)
    return number


def test_speech_comes_in_events(client: OpenAI, http: httpx.Client, contract: Contract) -> None:
    answer = http.post("/audio/speech", json={**SPEECH, "input": TEXT, "stream_format": "sse"})
    parts = [httpx.Response(200, content=data).json() for _, data in events(answer.text)]
    for part in parts:
        contract.judge("CreateSpeechResponseStreamEvent", part)
    *deltas, done = parts
    assert b"".join(base64.b64decode(part["audio"]) for part in deltas) == spoken(client, "mp3")
    assert done["type"] == "speech.audio.done"


def test_speech_streams_to_the_client(client: OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        **SPEECH, input=TEXT, response_format="pcm"
    ) as answer:
        assert b"".join(answer.iter_bytes()) == spoken(client, "pcm")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("input", value) for value in (None, "x" * 4097)],
        *[("speed", value) for value in (5, 0.1, "x")],
        *[("response_format", "zip"), ("stream_format", "x"), ("voice", None)],
    ],
)
def test_a_wrong_field_of_speech_is_named(http: httpx.Client, field: str, value: Any) -> None:
    answer = http.post("/audio/speech", json={**SPEECH, "input": "x", field: value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


def heard(http: httpx.Client, form: str, **fields: str) -> httpx.Response:
    data = {"model": "whisper-1", "response_format": form, "prompt": "Return exactly: one two", **fields}
    return http.post(HEARD, data=data, files={"file": SOUND})


def test_a_transcription_is_text(client: OpenAI) -> None:
    made = client.audio.transcriptions.create(file=SOUND, model="gpt-4o-transcribe", prompt="Say exactly: hi")
    assert made.text == "hi"
    with pytest.deprecated_call():
        translated = client.audio.translations.create(file=SOUND, model="whisper-1", prompt="Say exactly: ho")
    assert translated.text == "ho"
    assert "a.wav" in client.audio.transcriptions.create(file=SOUND, model="whisper-1").text


@pytest.mark.parametrize("path", [HEARD, "/audio/translations"])
def test_subtitles_are_cues(http: httpx.Client, path: str) -> None:
    data = {"model": "whisper-1", "prompt": "Return exactly: one\n\n2\n two"}
    srt, vtt = [
        http.post(path, data={**data, "response_format": form}, files={"file": SOUND}).text
        for form in ("srt", "vtt")
    ]
    assert srt.splitlines() == ["1", "00:00:00,000 --> 00:00:02,500", "one", "2", " two", ""]
    assert vtt.splitlines() == ["WEBVTT", "", "00:00:00.000 --> 00:00:02.500", "one", "2", " two", ""]


def test_plain_text_is_plain(http: httpx.Client) -> None:
    answer = heard(http, "text")
    assert (answer.headers["content-type"].partition(";")[0], answer.text) == ("text/plain", "one two\n")


@pytest.mark.parametrize(
    ("form", "name", "named"),
    [
        ("json", "CreateTranscriptionResponseJson", set()),
        ("verbose_json", "CreateTranscriptionResponseVerboseJson", {"language", "duration", "segments"}),
        ("diarized_json", "CreateTranscriptionResponseDiarizedJson", {"task", "duration", "segments"}),
    ],
)
def test_a_transcription_has_the_form_that_is_asked_for(
    http: httpx.Client, contract: Contract, form: str, name: str, named: set[str]
) -> None:
    answer = heard(http, form).json()
    contract.judge(name, answer)
    assert answer["text"] == "one two"
    assert set(answer) == {"text", "usage", *named}
    for segment in answer.get("segments", []):
        assert ("speaker" in segment) == (form == "diarized_json")
        assert (segment["start"], segment["end"], segment["text"]) == (0, 1, "one two")


@pytest.mark.parametrize("text", ["one two three", ""])
def test_a_transcription_streams(client: OpenAI, contract: Contract, text: str) -> None:
    stream = client.audio.transcriptions.create(
        file=SOUND, model="gpt-4o-transcribe", stream=True, extra_headers={"x-sandbox-reply": text}
    )
    *deltas, done = list(stream)
    for event in (*deltas, done):
        contract.judge("CreateTranscriptionResponseStreamEvent", event.to_dict())
    assert (done.type, done.text) == ("transcript.text.done", text)  # type: ignore[union-attr]
    assert "".join(event.delta for event in deltas) == text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("field", "value"),
    [("response_format", "x"), ("temperature", "hot"), ("stream", "maybe"), ("model", "")],
)
def test_a_wrong_field_is_named(http: httpx.Client, field: str, value: str) -> None:
    data = {"model": "whisper-1", field: value}
    answer = http.post(HEARD, data={key: text for key, text in data.items() if text}, files={"file": SOUND})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


def test_an_empty_sound_is_refused(client: OpenAI, http: httpx.Client) -> None:
    with pytest.raises(openai.BadRequestError, match="corrupted or unsupported"):
        client.audio.transcriptions.create(file=("a.wav", b""), model="whisper-1")
    assert (
        http.post(HEARD, data={"model": "whisper-1"}, files={"x": SOUND}).json()["error"]["param"] == "file"
    )
