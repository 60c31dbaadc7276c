import hashlib
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import Upload


def begun(client: OpenAI, size: int = 6, **more: Any) -> Upload:
    return client.uploads.create(
        bytes=size, filename="a.txt", mime_type="text/plain", purpose="batch", **more
    )


def test_parts_are_joined_in_the_order_that_is_named(client: OpenAI) -> None:
    upload = begun(client)
    assert (upload.status, upload.expires_at) == ("pending", upload.created_at + 3600)
    first, second = [client.uploads.parts.create(upload.id, data=data) for data in (b"def", b"abc")]
    assert first.id != second.id
    assert first.upload_id == upload.id
    digest = hashlib.md5(b"abcdef", usedforsecurity=False).hexdigest()
    done = client.uploads.complete(upload.id, part_ids=[second.id, first.id], md5=digest)
    assert done.status == "completed"
    assert done.file is not None
    assert (done.file.bytes, done.file.filename, done.file.purpose) == (6, "a.txt", "batch")
    assert client.files.content(done.file.id).content == b"abcdef"
    assert client.files.retrieve(done.file.id) == done.file


def test_equal_parts_are_two(client: OpenAI) -> None:
    upload = begun(client)
    parts = [client.uploads.parts.create(upload.id, data=b"abc").id for _ in range(2)]
    assert len(set(parts)) == 2
    done = client.uploads.complete(upload.id, part_ids=parts)
    assert done.file is not None
    assert client.files.content(done.file.id).content == b"abcabc"


def test_a_part_may_be_left_out(client: OpenAI) -> None:
    upload = begun(client, 5)
    left, used = [client.uploads.parts.create(upload.id, data=data).id for data in (b"", b"abcde")]
    done = client.uploads.complete(upload.id, part_ids=[used])
    assert left != used
    assert done.file is not None
    assert done.file.bytes == 5


def test_what_an_upload_makes_may_expire(client: OpenAI) -> None:
    upload = begun(client, 1, expires_after={"anchor": "created_at", "seconds": 7200})
    part = client.uploads.parts.create(upload.id, data=b"x")
    file = client.uploads.complete(upload.id, part_ids=[part.id]).file
    assert file is not None
    assert file.expires_at == file.created_at + 7200


def refused(http: httpx.Client, path: str, status: int = 400, **request: Any) -> Any:
    answer = http.post(path, **request)
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


def test_parts_that_cannot_be_joined_are_refused(client: OpenAI, http: httpx.Client) -> None:
    upload, other = begun(client), begun(client)
    part = client.uploads.parts.create(upload.id, data=b"abcdef").id
    strange = client.uploads.parts.create(other.id, data=b"abcdef").id
    path = f"/uploads/{upload.id}/complete"
    for parts, param in [
        ([], "part_ids"),
        (["part_1"], "part_ids[0]"),
        ([strange], "part_ids[0]"),
        ([part, part], "part_ids[1]"),
        ([1], "part_ids[0]"),
        ("x", "part_ids"),
        (None, "part_ids"),
    ]:
        assert refused(http, path, json={"part_ids": parts})["param"] == param
    assert refused(http, path, json={"part_ids": [part], "md5": "0" * 32})["code"] == "invalid_checksum"
    assert http.post(path, json={"part_ids": [part]}).json()["status"] == "completed"


def test_another_number_of_bytes_is_refused(client: OpenAI, http: httpx.Client) -> None:
    upload = begun(client)
    path = f"/uploads/{upload.id}"
    part = client.uploads.parts.create(upload.id, data=b"abc").id
    assert refused(http, f"{path}/complete", json={"part_ids": [part]})["code"] == "invalid_upload_size"
    too_much = refused(http, f"{path}/parts", files={"data": ("a", b"abcd")})
    assert too_much["code"] == "invalid_upload_size"
    assert http.post(f"{path}/parts", files={"data": ("a", b"def")}).status_code == 200


@pytest.mark.parametrize("verb", ["complete", "cancel"])
def test_what_has_ended_takes_nothing_more(client: OpenAI, http: httpx.Client, verb: str) -> None:
    upload = begun(client)
    part = client.uploads.parts.create(upload.id, data=b"abcdef").id
    path = f"/uploads/{upload.id}"
    ended = http.post(f"{path}/{verb}", json={"part_ids": [part]} if verb == "complete" else None)
    assert ended.json()["status"] == {"complete": "completed", "cancel": "cancelled"}[verb]
    requests: list[dict[str, Any]] = [
        {"path": f"{path}/parts", "files": {"data": ("a", b"x")}},
        {"path": f"{path}/complete", "json": {"part_ids": [part]}},
        {"path": f"{path}/cancel"},
    ]
    for request in requests:
        assert refused(http, **request)["code"] == "invalid_upload_status"


def test_an_unknown_upload_is_not_found(client: OpenAI, http: httpx.Client) -> None:
    assert refused(http, "/uploads/upload_1/parts", 404, files={"data": ("a", b"x")})["param"] == "id"
    assert refused(http, "/uploads/upload_1/complete", 404, json={"part_ids": ["x"]})["param"] == "id"
    with pytest.raises(openai.NotFoundError):
        client.uploads.cancel("upload_1")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"bytes": -1}, "bytes"),
        ({"bytes": "x"}, "bytes"),
        ({"bytes": 9_000_000_000_000}, "bytes"),
        ({"purpose": "x"}, "purpose"),
        ({"filename": None}, "filename"),
        ({"mime_type": 1}, "mime_type"),
        ({"expires_after": {"anchor": "created_at", "seconds": 1}}, "expires_after.seconds"),
    ],
)
def test_a_wrong_field_is_named(http: httpx.Client, fields: dict[str, Any], param: str) -> None:
    body = {"bytes": 1, "filename": "a", "mime_type": "text/plain", "purpose": "batch", **fields}
    assert refused(http, "/uploads", json=body)["param"] == param


def test_parts_come_in_a_form(client: OpenAI, http: httpx.Client) -> None:
    path = f"/uploads/{begun(client).id}/parts"
    assert refused(http, path, json={"data": "x"})["message"]
    assert refused(http, path, files={"other": ("a", b"x")})["param"] == "data"
