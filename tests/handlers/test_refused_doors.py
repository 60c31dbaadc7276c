"""Doors refuse what cannot be right, by its name, before anything goes upstream."""

from typing import Any

import pytest

from generated.doors import DOORS
from generated.operations import OPERATIONS
from tests.handlers.doors import PNG, b64, post
from tests.servers import Recorder

FILE = {"purpose": "batch", "filename": "f"}
VIDEO = "/videos/generations"
REFUSED: dict[str, tuple[str, Any, int, str, str | None]] = {
    "no JSON": ("/files/upload", b"{", 400, "invalid_json", None),
    "no object": ("/files/upload", [], 400, "invalid_type", None),
    "bad base64": ("/files/upload", {**FILE, "data_base64": "a$"}, 400, "invalid_base64", "data_base64"),
    "half base64": ("/files/upload", {**FILE, "data_base64": "a"}, 400, "invalid_base64", "data_base64"),
    "empty file": ("/files/upload", {**FILE, "data_base64": ""}, 400, "empty_file", "data_base64"),
    "no file": ("/files/upload", FILE, 400, "missing_required_parameter", "data_base64"),
    "no purpose": ("/files/upload", {"data_base64": "YQ"}, 400, "missing_required_parameter", "purpose"),
    "unknown field": ("/files/upload", {**FILE, "data_base64": "YQ", "x": 1}, 400, "invalid_value", "x"),
    "wrong type": ("/files/upload", {**FILE, "data_base64": 1}, 400, "invalid_type", "data_base64"),
    "too large": (
        "/files/upload",
        {**FILE, "data_base64": "Y" * (14 * 2**20)},
        413,
        "input_too_large",
        "data_base64",
    ),
    "far too large": (
        "/files/upload",
        {**FILE, "data_base64": "Y" * (20 * 2**20)},
        413,
        "input_too_large",
        "data_base64",
    ),
    "text too large": (
        "/files/upload",
        {**FILE, "filename": "a b" * 100_000},
        413,
        "request_too_large",
        None,
    ),
    "odd name": (
        "/files/upload",
        {**FILE, "filename": "a\r\nb", "data_base64": "YQ"},
        400,
        "invalid_filename",
        "filename",
    ),
    "odd media type": (
        "/files/upload",
        {**FILE, "mime_type": "a\r\nb", "data_base64": "YQ"},
        400,
        "invalid_media_type",
        "mime_type",
    ),
    "two files": (
        "/files/upload",
        {**FILE, "data_base64": "YQ", "openaiFileIdRefs": ["https://files.openai.com/"]},
        400,
        "too_many_files",
        "openaiFileIdRefs",
    ),
    "no image": ("/images/variations", {}, 400, "missing_required_parameter", "image"),
    "no PNG": (
        "/images/variations",
        {"image_base64": b64(b"GIF89a")},
        400,
        "unsupported_file_type",
        "image_base64",
    ),
    "said to be no PNG": (
        "/images/variations",
        {"image": {"data_base64": b64(PNG), "mime_type": "image/jpeg"}},
        400,
        "unsupported_file_type",
        "image",
    ),
    "large image": (
        "/images/variations",
        {"image_base64": b64(PNG + bytes(4 * 2**20))},
        413,
        "input_too_large",
        "image_base64",
    ),
    "two images": (
        "/images/variations",
        {"image_base64": b64(PNG), "image": {"data_base64": b64(PNG)}},
        400,
        "too_many_files",
        "image_base64",
    ),
    "no prompt": (VIDEO, {"model": "sora-2"}, 400, "missing_required_parameter", "prompt"),
    "unknown model": (VIDEO, {"prompt": "p", "model": "sora-0"}, 400, "invalid_value", "model"),
    "unknown size": (VIDEO, {"prompt": "p", "size": "1x1"}, 400, "invalid_value", "size"),
    "unknown seconds": (VIDEO, {"prompt": "p", "seconds": "5"}, 400, "invalid_value", "seconds"),
    "too long": (VIDEO, {"prompt": "p", "duration_seconds": 31}, 400, "invalid_value", "duration_seconds"),
    "too many frames": (VIDEO, {"prompt": "p", "frames": 301}, 400, "invalid_value", "frames"),
    "large input": (
        VIDEO,
        {"prompt": "p", "data_base64": "Y" * (36 * 2**20)},
        413,
        "input_too_large",
        "input_reference_base64",
    ),
    "blocked address": (
        "/audio/voices",
        {"name": "n", "consent": "c", "audio_sample": "https://10.0.0.1/a"},
        400,
        "blocked_url",
        "audio_sample",
    ),
    "stream": (
        "/audio/speech",
        {"model": "m", "input": "i", "voice": "v", "stream_format": "sse"},
        400,
        "stream_not_supported",
        "stream_format",
    ),
    "unknown field of an upload": (
        "/uploads",
        {"purpose": "batch", "filename": "f", "bytes": 1, "mime_type": "a/b", "x": 1},
        400,
        "invalid_value",
        "x",
    ),
    "field of what takes none": ("/uploads/upload_1/cancel", {"x": 1}, 400, "invalid_value", "x"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_right_is_refused_by_its_name_and_reaches_no_upstream(
    relay: str, recorder: Recorder, case: str
) -> None:
    path, value, status, code, param = REFUSED[case]
    answer = post(relay, path, value)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (status, code, param)
    assert recorder.seen == []


def test_a_missing_image_is_called_so(relay: str) -> None:
    assert post(relay, "/images/edits", {"prompt": "p"}).error["message"].startswith("Missing image input")


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if door.files])
def test_every_door_with_files_refuses_what_it_does_not_know(
    relay: str, recorder: Recorder, name: str
) -> None:
    path = OPERATIONS[name].path.removeprefix("/v1/actions")
    answer = post(relay, path, {"no_such_field": 1})
    assert (answer.status, recorder.seen) == (400, [])


def test_a_coded_body_is_refused(relay: str, recorder: Recorder) -> None:
    answer = post(relay, "/files/upload", b"x", "content-encoding: gzip")
    assert (answer.status, answer.error["code"], recorder.seen) == (415, "unsupported_media_type", [])
