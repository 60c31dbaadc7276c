import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from sandbox.content import MEMORY_BYTES
from sandbox.server import SandboxServer
from tests.surface.contract import UPSTREAM, errors

PURPOSES = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
FORM = {"content-type": "multipart/form-data; boundary=x"}
SCHEMA = UPSTREAM["createFile"].answers()[200]["application/json"]["schema"]


def made(http: httpx.Client, content: bytes = b"abc", **more: Any) -> dict[str, Any]:
    answer = http.post("/files", data={"purpose": "batch", **more}, files={"file": ("a.txt", content)})
    assert answer.status_code == 200, answer.text
    assert not errors(SCHEMA, answer.json())
    found: dict[str, Any] = answer.json()
    return found


def test_a_file_lives_until_it_is_deleted(client: OpenAI, http: httpx.Client) -> None:
    file = client.files.create(file=("a.txt", b"abc"), purpose="batch")
    assert (file.bytes, file.filename, file.purpose, file.object) == (3, "a.txt", "batch", "file")
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).content == b"abc"
    assert client.files.delete(file.id).deleted
    for method, path in [("GET", ""), ("HEAD", ""), ("GET", "/content"), ("DELETE", "")]:
        assert http.request(method, f"/files/{file.id}{path}").status_code == 404
    with pytest.raises(openai.NotFoundError, match=f"No such File object: {file.id}"):
        client.files.retrieve(file.id)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_all_pages_give_each_file_once(fresh: SandboxServer, order: Any, limit: int) -> None:
    with OpenAI(api_key="sk-any", base_url=fresh.base_url, max_retries=0) as client:
        kept = [client.files.create(file=("a", b"x"), purpose="batch").id for _ in range(7)]
        client.files.create(file=("a", b"x"), purpose="evals")
        page = client.files.list(purpose="batch", limit=limit, order=order)
        assert page.has_more == (limit < 7)
        found = [file.id for file in page]
    assert found == (kept if order == "asc" else kept[::-1])


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=10001", "limit=1e9", "limit=", "order=up", "after=x", "before=x"]
)
def test_a_page_that_cannot_be_is_refused(http: httpx.Client, query: str) -> None:
    made(http)
    answer = http.get(f"/files?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.partition("=")[0]


RANGES = [
    ("bytes=0-0", b"a", "0-0"),
    ("bytes=1-", b"bcdef", "1-5"),
    ("bytes=2-3", b"cd", "2-3"),
    ("bytes=4-99", b"ef", "4-5"),
    ("bytes=-2", b"ef", "4-5"),
    ("bytes=-99", b"abcdef", "0-5"),
    (f"bytes=0-{'9' * 5000}", b"abcdef", "0-5"),
    (f"bytes=-{'9' * 5000}", b"abcdef", "0-5"),
]


@pytest.mark.parametrize(("asked", "content", "given"), RANGES, ids=[one[0][:12] for one in RANGES])
def test_a_range_is_given(http: httpx.Client, asked: str, content: bytes, given: str) -> None:
    path = f"/files/{made(http, b'abcdef')['id']}/content"
    answer = http.get(path, headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["content-range"] == f"bytes {given}/6"


@pytest.mark.parametrize("asked", ["bytes=6-", "bytes=9-10", "bytes=-0", f"bytes={'9' * 5000}-"])
def test_a_range_outside_is_refused(http: httpx.Client, asked: str) -> None:
    answer = http.get(f"/files/{made(http, b'abcdef')['id']}/content", headers={"range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */6")
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "asked", ["bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes", "bytes=5-2"]
)
def test_what_is_no_single_range_is_answered_whole(http: httpx.Client, asked: str) -> None:
    answer = http.get(f"/files/{made(http, b'abcdef')['id']}/content", headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, b"abcdef")


def test_a_head_tells_the_size(http: httpx.Client) -> None:
    answer = http.head(f"/files/{made(http, b'abcdef')['id']}/content")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "6", b"")


def test_an_empty_file_is_a_file(http: httpx.Client) -> None:
    path = f"/files/{made(http, b'')['id']}/content"
    assert http.get(path).content == b""
    assert http.get(path, headers={"range": "bytes=0-"}).status_code == 416


@pytest.mark.parametrize("name", ["naïve “x”.txt", "a'b c.txt", "a\\b", "../x", " ", "é" * 300])
def test_a_filename_is_kept(http: httpx.Client, name: str) -> None:
    answer = http.post("/files", data={"purpose": "batch"}, files={"file": (name, b"x")})
    assert answer.json()["filename"] == name
    content = http.get(f"/files/{answer.json()['id']}/content")
    assert content.headers["content-disposition"].startswith("attachment; filename=")
    assert content.content == b"x"


@pytest.mark.parametrize("purpose", ["assistants", "user_data"])
def test_what_assistants_read_is_not_downloaded(http: httpx.Client, purpose: str) -> None:
    file = made(http, purpose=purpose)
    answer = http.get(f"/files/{file['id']}/content")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == f"Not allowed to download files of purpose: {purpose}"
    assert http.get(f"/files/{file['id']}").json() == file


def test_a_file_may_expire(client: OpenAI) -> None:
    file = client.files.create(
        file=("a", b"x"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert file.expires_at == file.created_at + 3600


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": ""}, "purpose"),
        ({"purpose": "x"}, "purpose"),
        ({"expires_after": "soon"}, "expires_after"),
        ({"expires_after[seconds]": "3600"}, "expires_after.anchor"),
        ({"expires_after[anchor]": "created_at"}, "expires_after.seconds"),
        ({"expires_after[anchor]": "x", "expires_after[seconds]": "3600"}, "expires_after.anchor"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "10"}, "expires_after.seconds"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "NaN"}, "expires_after.seconds"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "true"}, "expires_after.seconds"),
    ],
)
def test_a_wrong_field_is_named(http: httpx.Client, fields: dict[str, str], param: str) -> None:
    answer = http.post("/files", data={"purpose": "batch", **fields}, files={"file": ("a", b"x")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"files": {"file": ("a", b"x")}}, "purpose"),
        ({"files": {"file": ("a", b"x"), "purpose": ("p", b"batch")}}, "purpose"),
        ({"files": {"other": ("a", b"x"), "purpose": (None, "batch")}}, "file"),
        ({"files": {"file": (None, "x"), "purpose": (None, "batch")}}, "file"),
        ({"json": {"purpose": "batch", "file": "x"}}, None),
        ({"content": b""}, None),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, None),
        ({"content": b"no boundary in here", "headers": FORM}, None),
        ({"content": b"--x\r\n\r\nno name\r\n--x--\r\n", "headers": FORM}, None),
        ({"content": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut', "headers": FORM}, "file"),
    ],
)  # fmt: skip
def test_a_broken_form_is_refused(http: httpx.Client, request_: dict[str, Any], param: str | None) -> None:
    answer = http.post("/files", **request_)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("size", [MEMORY_BYTES, MEMORY_BYTES + 1])
def test_a_large_file_lies_on_disk_without_a_name(http: httpx.Client, size: int) -> None:
    # One on disk is an open descriptor of this process whose file has been removed.
    before, content = _removed(), os.urandom(1024) * (size // 1024) + b"x" * (size % 1024)
    file = made(http, content)
    assert len(_removed() - before) == (size > MEMORY_BYTES)
    digest = hashlib.sha256(http.get(f"/files/{file['id']}/content").content)
    assert digest.digest() == hashlib.sha256(content).digest()
    part = http.get(f"/files/{file['id']}/content", headers={"range": f"bytes={size - 3}-"})
    assert part.content == content[-3:]
    http.delete(f"/files/{file['id']}")
    assert _removed() <= before


def _removed() -> set[str]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            target = str(entry.readlink())
            found |= {f"{entry.name} {target}"} if target.endswith(" (deleted)") else set()
    return found
