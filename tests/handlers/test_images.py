"""Images by JSON: files in it become a form, and what is official goes on as it is."""

import json
from typing import Any

import pytest

from tests.forms import Part, form_of
from tests.handlers.doors import JSON, PNG, b64
from tests.relay.wire import Answer, ask
from tests.servers import Recorder

EDITS, VARIATIONS = "/v1/images/edits", "/v1/images/variations"


def post(root: str, path: str, value: Any, *fields: str) -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ask(root, "POST", path, JSON, *fields, body=body)


@pytest.mark.parametrize("path", [EDITS, VARIATIONS])
def test_an_image_in_json_becomes_a_form(relay: str, recorder: Recorder, path: str) -> None:
    given = {"image_base64": b64(PNG), "n": 2} | (
        {"prompt": "p", "mask_base64": b64(PNG[:20])} if path == EDITS else {}
    )
    assert post(relay, path, given).status == 200
    (seen,) = recorder.seen
    fields, files = form_of(seen)
    assert seen.target == path.encode()
    assert dict(fields) == {"n": "2"} | ({"prompt": "p"} if path == EDITS else {})
    assert files[0] == Part("image", "image.png", PNG)
    assert files[1:] == ([Part("mask", "mask.png", PNG[:20])] if path == EDITS else [])


@pytest.mark.parametrize(
    "value",
    [
        b'{"prompt": "p",  "images": [{"file_id": "file-1"}]}',
        json.dumps(
            {"prompt": "p", "images": [{"image_url": f"data:image/png;base64,{b64(PNG * 2000)}"}]}
        ).encode(),
    ],
    ids=["short", "with an image in it"],
)
def test_the_official_form_goes_on_as_it_came(relay: str, recorder: Recorder, value: bytes) -> None:
    assert post(relay, EDITS, value).status == 200
    (seen,) = recorder.seen
    assert (seen.body, seen.header(b"content-type")) == (value, [b"application/json"])


def test_the_official_form_is_judged(relay: str, recorder: Recorder) -> None:
    answer = post(relay, EDITS, {"prompt": 1, "images": []})
    assert (answer.status, answer.error["param"]) == (400, "prompt")
    assert post(relay, EDITS, {"prompt": "p"}).error["param"] == "images"
    deviating = post(relay, EDITS, {"prompt": "p", "images": [{"file_id": 1}]})
    assert 'first="images.0.file_id"' in deviating.all("x-relay-validation")[0]
    assert len(recorder.seen) == 1


@pytest.mark.parametrize(
    ("path", "value", "param"),
    [
        (VARIATIONS, {}, "image"),
        (VARIATIONS, {"image_url": "http://files.openai.com/a.png"}, "image_url"),
        (VARIATIONS, {"openaiFileIdRefs": [{"download_link": "https://localhost/"}]}, "openaiFileIdRefs.0"),
        (EDITS, {"image_base64": b64(PNG)}, "prompt"),
        (EDITS, {"prompt": "p", "mask_base64": b64(PNG)}, "image"),
        (EDITS, {"prompt": "p", "image_base64": b64(b"GIF")}, "image_base64"),
        (EDITS, {"prompt": "p", "image_base64": b64(PNG), "stream": True}, "stream"),
    ],
)
def test_what_makes_no_form_is_refused(
    relay: str, recorder: Recorder, path: str, value: Any, param: str
) -> None:
    answer = post(relay, path, value)
    assert (answer.status, answer.error["param"], recorder.seen) == (400, param, [])


def test_a_form_goes_on_as_it_came(relay: str, recorder: Recorder) -> None:
    body = b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\ny\r\n--b--\r\n"
    assert (
        ask(relay, "POST", VARIATIONS, "content-type: multipart/form-data; boundary=b", body=body).status
        == 200
    )
    assert recorder.seen[0].body == body


def test_a_coded_body_is_the_upstreams(relay: str, recorder: Recorder) -> None:
    answer = post(relay, EDITS, b"coded", "content-encoding: gzip")
    assert (answer.status, answer.all("x-relay-validation")) == (200, ["unjudged"])
    assert recorder.seen[0].body == b"coded"
