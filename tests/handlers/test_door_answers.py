"""Doors: what comes back is JSON that an Action can read, files in it too."""

import json
from typing import Any

import pytest

from tests.handlers.doors import ODD, PNG, b64, post
from tests.relay.wire import ask
from tests.servers import Recorder, answering, recording, relay_over

SPEECH = {"model": "tts-1", "input": "i", "voice": "alloy"}


def test_a_file_comes_in_base64(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(ODD, headers=[(b"content-type", b"audio/mpeg"), (b"x-request-id", b"req_1")])
    answer = post(relay, "/audio/speech", SPEECH, "accept-encoding: gzip", "accept: audio/mpeg")
    assert json.loads(answer.body) == {
        "openaiFileResponse": [{"name": "speech.mp3", "mime_type": "audio/mpeg", "content": b64(ODD)}]
    }
    assert answer.all("content-type") == ["application/json"]
    assert answer.all("x-request-id") == ["req_1"]
    (seen,) = recorder.seen
    assert seen.header(b"accept-encoding") == [b"identity"]
    assert json.loads(seen.body) == SPEECH


@pytest.mark.parametrize(
    ("fields", "name", "media_type"),
    [
        ([(b"content-disposition", b'attachment; filename="out.csv"')], "out.csv", "text/csv"),
        (
            [(b"content-disposition", b'attachment; filename="../x"')],
            "file-1.bin",
            "application/octet-stream",
        ),
        ([], "file-1.bin", "application/octet-stream"),
    ],
)
def test_a_file_has_the_name_that_it_is_sent_with(
    relay: str, recorder: Recorder, fields: list[tuple[bytes, bytes]], name: str, media_type: str
) -> None:
    recorder.reply = answering(ODD, headers=[(b"content-type", b"application/octet-stream"), *fields])
    answer = ask(relay, "GET", "/v1/actions/containers/c/files/file-1/content", "range: bytes=0-1")
    (file,) = json.loads(answer.body)["openaiFileResponse"]
    assert (file["name"], file["mime_type"]) == (name, media_type)
    assert recorder.seen[0].target == b"/v1/containers/c/files/file-1/content"
    assert recorder.seen[0].header(b"range") == []


def test_an_error_comes_as_it_is(relay: str, recorder: Recorder) -> None:
    error = b'{"error": {"message": "m", "type": "t", "param": null, "code": null}}'
    recorder.reply = answering(error, 429, [(b"content-type", b"application/json"), (b"retry-after", b"7")])
    answer = post(relay, "/audio/speech", SPEECH)
    assert (answer.status, answer.body, answer.all("retry-after")) == (429, error, ["7"])


def test_a_file_that_is_too_large_is_refused_with_where_to_get_it(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(bytes(10_000_001), headers=[(b"content-type", b"video/mp4")])
    answer = ask(relay, "GET", "/v1/actions/videos/v/content")
    assert (answer.status, answer.error["code"]) == (413, "result_too_large")
    assert "GET /v1/videos/v/content" in answer.error["message"]


def test_pictures_come_as_files(relay: str, recorder: Recorder) -> None:
    made = {"created": 1, "data": [{"b64_json": b64(PNG * 500), "revised_prompt": "p"}, {"url": "u"}]}
    recorder.reply = answering(json.dumps(made).encode())
    answer = post(relay, "/images/variations", {"image_base64": b64(PNG), "response_format": "b64_json"})
    assert json.loads(answer.body) == {
        "created": 1,
        "data": [{"revised_prompt": "p"}, {"url": "u"}],
        "openaiFileResponse": [{"name": "data-1.png", "mime_type": "image/png", "content": b64(PNG * 500)}],
    }


@pytest.mark.parametrize(("characters", "status"), [(100_000, 200), (100_001, 413)])
def test_what_an_action_cannot_read_is_refused_with_how_to_narrow_it(
    relay: str, recorder: Recorder, characters: int, status: int
) -> None:
    text = json.dumps({"text": "ü" * (characters - 12)}, ensure_ascii=False)
    assert len(text) == characters
    recorder.reply = answering(text.encode())
    given = {"model": "whisper-1", "file": {"filename": "a.mp3", "data_base64": "YQ"}}
    answer = post(relay, "/audio/transcriptions", given)
    assert answer.status == status
    if status == 413:
        assert answer.error["code"] == "result_too_large"
        assert all(
            name in answer.error["message"] for name in ("'include'", "'response_format'", "POST /v1/audio")
        )
    else:
        assert answer.body == text.encode()


def test_an_endless_answer_is_left(relay: str, recorder: Recorder) -> None:
    async def endless(_scope: Any, receive: Any, send: Any) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        for _ in range(20):
            await send({"type": "http.response.body", "body": b" " * 65_536, "more_body": True})
        await recorder.until_left(receive)

    recorder.reply = endless
    given = {"model": "whisper-1", "file": {"filename": "a.mp3", "data_base64": "YQ"}}
    assert post(relay, "/audio/transcriptions", given).error["code"] == "result_too_large"
    assert recorder.left.wait(10)


def test_the_limit_can_be_switched_off(recorder: Recorder) -> None:
    large = json.dumps({"text": "x" * 500_000}).encode()
    recorder.reply = answering(large)
    given = {"model": "whisper-1", "file": {"filename": "a.mp3", "data_base64": "YQ"}}
    with recording(recorder) as base_url, relay_over(base_url, relay_actions_limit=False) as root:
        assert post(root, "/audio/transcriptions", given).body == large


def test_a_body_that_deviates_is_reported_once(relay: str, recorder: Recorder) -> None:
    answer = post(relay, "/responses", {"input": "i", "tools": [{"type": 1}]})
    assert answer.status == 200
    assert len(answer.all("x-relay-validation")) == 1
    refused = post(relay, "/responses", {"input": "i", "tools": 1})
    assert (refused.status, refused.error["param"], len(recorder.seen)) == (400, "tools", 1)


@pytest.mark.parametrize("media_type", [b"text/plain", b"application/json", b"application/jsonl", b""])
@pytest.mark.parametrize("content", [b"{}", b"", b"x" * 150_000])
def test_a_file_is_one_whatever_is_in_it(
    relay: str, recorder: Recorder, media_type: bytes, content: bytes
) -> None:
    recorder.reply = answering(content, headers=[(b"content-type", media_type)] if media_type else [])
    answer = ask(relay, "GET", "/v1/actions/containers/c/files/f/content")
    (file,) = json.loads(answer.body)["openaiFileResponse"]
    assert (answer.status, file["content"]) == (200, b64(content))


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_only_success_becomes_a_file(relay: str, recorder: Recorder, status: int) -> None:
    body = b"" if status == 204 else b"x" * 150_000
    recorder.reply = answering(body, status, [(b"content-type", b"text/html")]) if body else no_content
    answer = ask(relay, "GET", "/v1/actions/vector_stores")
    assert (answer.status, answer.body) == (status, body)
    assert answer.all("content-length") == ([] if status == 204 else [str(len(body))])


async def no_content(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_large_text_beside_pictures_is_refused_by_what_narrows_it(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(json.dumps({"data": [{"url": "x" * 100_000}]}).encode())
    answer = post(relay, "/images/generations", {"prompt": "p"})
    assert answer.error["code"] == "result_too_large"
    assert "100,000 characters" in answer.error["message"]
    assert "'n'" in answer.error["message"]


@pytest.mark.parametrize(
    "query", ["stream=true", "stream=false&stream=true", "stream=true&stream=false", "stream="]
)
def test_a_query_that_asks_for_a_stream_is_refused(relay: str, recorder: Recorder, query: str) -> None:
    answer = ask(relay, "GET", f"/v1/actions/responses/r?{query}")
    assert (answer.status, answer.error["code"], recorder.seen) == (400, "stream_not_supported", [])
