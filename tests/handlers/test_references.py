"""Doors: files that GPT Actions refer to, or users by their addresses, are fetched and become the form's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faulty import Connection
from tests.file_host import URL, FileHost, file_answer, saying
from tests.forms import Part, form_of
from tests.handlers.doors import ODD, PNG, b64, post
from tests.servers import Recorder, relay_over

LINK = {"id": "file-1", "name": "cat.png", "mime_type": "image/png", "download_link": URL}


@pytest.fixture
def door(file_host: FileHost, upstream: tuple[Recorder, str]) -> Iterator[str]:
    """A relay whose file host is the test's own."""
    upstream[0].seen.clear()
    with relay_over(upstream[1], file_host.fetcher()) as root:
        yield root


def by_turns(*contents: bytes) -> Any:
    left = list(contents)

    async def script(connection: Connection) -> None:
        await saying(file_answer(left.pop(0), b"content-type: image/png"))(connection)

    return script


def sent(upstream: tuple[Recorder, str]) -> tuple[list[tuple[str, str]], list[Part]]:
    (seen,) = upstream[0].seen
    return form_of(seen)


def test_the_first_reference_is_the_image_and_the_second_the_mask(
    door: str, file_host: FileHost, upstream: tuple[Recorder, str]
) -> None:
    file_host.faulty.script = by_turns(PNG, PNG[:9])
    given = {"prompt": "p", "openaiFileIdRefs": [LINK, {**LINK, "name": "mask.png"}]}
    assert post(door, "/images/edits", given).status == 200
    files = [Part("image", "cat.png", PNG), Part("mask", "mask.png", PNG[:9])]
    assert sent(upstream) == ([("prompt", "p")], files)


def test_all_references_are_the_files_of_a_field_that_takes_several(
    door: str, file_host: FileHost, upstream: tuple[Recorder, str]
) -> None:
    file_host.faulty.script = by_turns(b"one", b"two")
    given = {"openaiFileIdRefs": [{**LINK, "name": "s/SKILL.md"}, {**LINK, "name": "s/b"}]}
    assert post(door, "/skills", given).status == 200
    assert sent(upstream)[1] == [Part("files[]", "s/SKILL.md", b"one"), Part("files[]", "s/b", b"two")]


@pytest.mark.parametrize("reference", [URL, LINK, {"download_link": URL}])
def test_an_address_is_enough(
    door: str, file_host: FileHost, upstream: tuple[Recorder, str], reference: Any
) -> None:
    file_host.faulty.script = by_turns(ODD)
    given = {"model": "whisper-1", "file": reference}
    assert post(door, "/audio/transcriptions", given).status == 200
    assert sent(upstream)[1][0].content == ODD


def test_the_body_says_what_a_reference_is_called(
    door: str, file_host: FileHost, upstream: tuple[Recorder, str]
) -> None:
    file_host.faulty.script = by_turns(ODD)
    given = {"purpose": "batch", "filename": "mine.jsonl", "openaiFileIdRefs": [LINK]}
    assert post(door, "/files/upload", given).status == 200
    assert sent(upstream)[1] == [Part("file", "mine.jsonl", ODD)]


@pytest.mark.parametrize(
    ("path", "value", "code", "param"),
    [
        (
            "/images/edits",
            {"prompt": "p", "image_base64": b64(PNG), "openaiFileIdRefs": [LINK]},
            "too_many_files",
            "openaiFileIdRefs",
        ),
        (
            "/videos/edits",
            {"prompt": "p", "video": {"id": "v"}, "openaiFileIdRefs": [LINK]},
            "too_many_files",
            "openaiFileIdRefs",
        ),
        ("/images/variations", {"openaiFileIdRefs": [LINK, LINK]}, "too_many_files", "openaiFileIdRefs"),
        ("/images/variations", {"openaiFileIdRefs": [LINK] * 11}, "invalid_value", "openaiFileIdRefs"),
        ("/images/variations", {"openaiFileIdRefs": ["file-abc"]}, "blocked_url", "openaiFileIdRefs.0"),
        ("/videos", {"prompt": "p", "filename": "a"}, "invalid_value", "filename"),
        ("/videos/generations", {"prompt": "p", "mime_type": "zzz"}, "invalid_value", "mime_type"),
    ],
)
def test_what_has_no_one_meaning_is_refused(
    door: str,
    file_host: FileHost,
    upstream: tuple[Recorder, str],
    path: str,
    value: Any,
    code: str,
    param: str,
) -> None:
    answer = post(door, path, value)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, code, param)
    assert (upstream[0].seen, file_host.dials) == ([], [])


def test_a_member_given_twice_is_refused(relay: str, recorder: Recorder) -> None:
    body = json.dumps({"purpose": "batch", "data_base64": "YQ"})[:-1] + ', "purpose": "evals"}'
    answer = post(relay, "/files/upload", body.encode())
    assert (answer.status, answer.error["code"], recorder.seen) == (400, "invalid_json", [])


def test_numbers_go_on_as_they_are_written(relay: str, recorder: Recorder) -> None:
    body = b'{"model": "w", "file": {"data_base64": "YQ"}, "temperature": 0.12345678901234567890123}'
    assert post(relay, "/audio/transcriptions", body).status == 200
    assert ("temperature", "0.12345678901234567890123") in form_of(recorder.seen[0])[0]
