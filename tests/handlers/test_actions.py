"""Doors: what arrives upstream is the form that the JSON means."""

import json

import pytest

from tests.forms import Part
from tests.handlers.doors import JSON, ODD, PNG, b64, post, sent
from tests.relay.wire import ask
from tests.servers import Recorder


def test_a_file_by_value_arrives_as_it_was(relay: str, recorder: Recorder) -> None:
    given = {"purpose": "batch", "filename": 'ä "b".jsonl', "mime_type": "a/b", "data_base64": b64(ODD)}
    answer = post(relay, "/files/upload", given)
    assert (answer.status, answer.body) == (200, b'{"ok": true}')
    target, fields, files = sent(recorder)
    assert (target, fields) == ("/v1/files", [("purpose", "batch")])
    assert files == [Part("file", "ä %22b%22.jsonl", ODD)]


@pytest.mark.parametrize("size", [1, 40_000, 10 * 1024 * 1024])
def test_a_file_of_any_size_up_to_the_limit_arrives(relay: str, recorder: Recorder, size: int) -> None:
    content = (ODD * (size // len(ODD) + 1))[:size]
    escaped = json.dumps({"purpose": "batch", "filename": "f", "data_base64": b64(content)}).replace(
        "/", "\\/"
    )
    assert post(relay, "/files/upload", escaped.encode()).status == 200
    assert sent(recorder)[2] == [Part("file", "f", content)]


@pytest.mark.parametrize(
    "text",
    [
        b64(ODD).rstrip("="),
        b64(ODD).replace("+", "-").replace("/", "_"),
        "\r\n".join([b64(ODD)[:76], b64(ODD)[76:]]),
        f"data:application/pdf;base64,{b64(ODD)}",
    ],
    ids=["no padding", "for URLs", "in lines", "data URL"],
)
def test_base64_may_be_written_in_each_usual_way(relay: str, recorder: Recorder, text: str) -> None:
    assert post(relay, "/uploads/upload_1/parts", {"data_base64": text}).status == 200
    target, fields, files = sent(recorder)
    assert (target, fields) == ("/v1/uploads/upload_1/parts", [])
    assert files == [Part("data", "data.bin", ODD)]


def test_fields_are_written_as_openais_clients_write_them(relay: str, recorder: Recorder) -> None:
    given = {
        "file": {"filename": "a.mp3", "data_base64": b64(ODD)},
        "model": "whisper-1",
        "temperature": 0.5,
        "language": None,
        "include": ["logprobs"],
        "timestamp_granularities": ["word", "segment"],
        "chunking_strategy": {"type": "server_vad", "prefix_padding_ms": 300},
        "known_speaker_references": [f"data:audio/wav;base64,{b64(ODD * 60)}"],
    }
    assert post(relay, "/audio/transcriptions", given).status == 200
    target, fields, files = sent(recorder)
    assert target == "/v1/audio/transcriptions"
    assert sorted(fields) == [
        ("chunking_strategy[prefix_padding_ms]", "300"),
        ("chunking_strategy[type]", "server_vad"),
        ("include[]", "logprobs"),
        ("known_speaker_references[]", given["known_speaker_references"][0]),  # type: ignore[index]
        ("model", "whisper-1"),
        ("temperature", "0.5"),
        ("timestamp_granularities[]", "segment"),
        ("timestamp_granularities[]", "word"),
    ]
    assert files == [Part("file", "a.mp3", ODD)]


def test_several_files_are_one_field(relay: str, recorder: Recorder) -> None:
    given = [{"filename": f"s/{name}", "data_base64": b64(name.encode())} for name in ("SKILL.md", "b.py")]
    assert post(relay, "/skills", {"files": given}).status == 200
    parts = [Part("files[]", "s/SKILL.md", b"SKILL.md"), Part("files[]", "s/b.py", b"b.py")]
    assert sent(recorder) == ("/v1/skills", [], parts)


def test_the_operations_own_way_to_name_a_file_goes_on(relay: str, recorder: Recorder) -> None:
    given = {"prompt": "p", "input_reference": {"file_id": "file-1"}}
    assert post(relay, "/videos", given).status == 200
    fields = [("input_reference[file_id]", "file-1"), ("prompt", "p")]
    target, found, files = sent(recorder)
    assert (target, sorted(found), files) == ("/v1/videos", fields, [])


def test_a_video_by_its_first_name(relay: str, recorder: Recorder) -> None:
    given = {
        "prompt": "p",
        "model": "sora-2",
        "size": "720x1280",
        "seconds": "4",
        "duration_seconds": 30,
        "frames": 300,
        "input_reference_base64": b64(PNG),
        "filename": "start.png",
        "mime_type": "image/png",
    }
    assert post(relay, "/videos/generations", given).status == 200
    target, fields, files = sent(recorder)
    assert target == "/v1/videos"
    assert dict(fields) == {
        "prompt": "p",
        "model": "sora-2",
        "size": "720x1280",
        "seconds": "4",
        "duration_seconds": "30",
        "frames": "300",
    }
    assert files == [Part("input_reference", "start.png", PNG)]


def test_the_rest_of_an_upload_is_json(relay: str, recorder: Recorder) -> None:
    created = b'{"purpose": "batch", "filename": "f", "bytes": 5.5, "mime_type": "a/b"}'
    assert post(relay, "/uploads", created).status == 400  # it is strict: no number with a fraction
    created = created.replace(b"5.5", b"5")
    assert post(relay, "/uploads", created).status == 200
    assert post(relay, "/uploads/upload_1/complete", b'{ "part_ids": ["a"]}').status == 200
    assert post(relay, "/uploads/upload_1/cancel", {}).status == 200
    assert ask(relay, "POST", "/v1/actions/uploads/upload_1/cancel").status == 200
    assert [(seen.target.decode(), seen.body) for seen in recorder.seen] == [
        ("/v1/uploads", created),
        ("/v1/uploads/upload_1/complete", b'{ "part_ids": ["a"]}'),
        ("/v1/uploads/upload_1/cancel", b""),
        ("/v1/uploads/upload_1/cancel", b""),
    ]


@pytest.mark.parametrize(
    "path", ["/v1/actions/no/such", "/v1/actions", "/v1/Actions/files/upload", "/v1/actions/files//upload"]
)
def test_there_is_nothing_else_below_actions(relay: str, recorder: Recorder, path: str) -> None:
    answer = ask(relay, "POST", path, JSON, body=b"{}")
    assert (answer.status, recorder.seen) == (404, [])
