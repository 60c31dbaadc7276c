"""What is too large, too many or too long for the sandbox, and what it does where the system has no room."""

import json
import os
import socket
import tempfile
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from sandbox import batch_lines, content, forms, store
from sandbox.content import MEMORY_BYTES, Content
from sandbox.server import SandboxServer
from tests.sandbox.test_batches import CHAT, lines_of, looked_at, request, started

LARGE = b"x" * (MEMORY_BYTES + 1)
BOUND = 2**20
TEXT = "x" * (BOUND // 3)


@pytest.fixture
def small(fresh: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Return a client of a sandbox that remembers no more than a mebibyte."""
    monkeypatch.setattr(store, "MAX_KEPT_BYTES", BOUND)
    with httpx.Client(base_url=fresh.base_url, headers={"authorization": "Bearer k"}, timeout=30) as client:
        yield client


def refused(answer: httpx.Response, status: int, kind: str = "invalid_request_error") -> None:
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind), answer.text


def test_files_make_room_for_each_other(small: httpx.Client) -> None:
    names = []
    for _ in range(9):
        answer = small.post("/files", data={"purpose": "batch"}, files={"file": ("a", TEXT.encode())})
        names.append(answer.json()["id"])
    assert [file["id"] for file in small.get("/files").json()["data"]] == names[:-3:-1]


@pytest.mark.parametrize(
    ("place", "below", "body"),
    [
        ("/conversations", "items", {"items": [{"type": "message", "role": "user", "content": TEXT}]}),
        ("/threads", "messages", {"role": "user", "content": TEXT}),
    ],
)
def test_what_is_said_makes_room_for_what_follows(
    small: httpx.Client, place: str, below: str, body: dict[str, Any]
) -> None:
    path = f"{place}/{small.post(place, json={}).json()['id']}/{below}"
    for _ in range(9):
        assert small.post(path, json=body).status_code == 200
    assert len(small.get(path).json()["data"]) == 2


def test_what_grows_makes_room_for_itself(small: httpx.Client) -> None:
    names = [small.post("/assistants", json={"model": "m"}).json()["id"] for _ in range(9)]
    for name in names:
        assert small.post(f"/assistants/{name}", json={"instructions": TEXT[:250_000]}).status_code == 200
    assert [one["id"] for one in small.get("/assistants").json()["data"]] == names[:-5:-1]


def test_what_batches_have_put_out_makes_room(small: httpx.Client) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": f"Return exactly: {'x' * 500}"}], "n": 128}
    lines = [request(str(number), body=body) for number in range(9)]
    with OpenAI(api_key="k", base_url=str(small.base_url), max_retries=0) as client:
        batches = [looked_at(client, started(client, lines), 2) for _ in range(3)]
        assert [batch.status for batch in batches] == ["finalizing"] * 3
        assert [batch.id for batch in client.batches.list()] == [batches[-1].id]


def test_a_form_declared_too_large_is_refused_unread(sandbox: SandboxServer) -> None:
    url = httpx.URL(sandbox.base_url)
    fields = "host: x\r\nauthorization: Bearer k\r\ncontent-type: multipart/form-data; boundary=x"
    head = f"POST /v1/files HTTP/1.1\r\n{fields}\r\ncontent-length: {forms.MAX_BYTES + 1}\r\n\r\n"
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_form_found_too_large_is_refused(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MAX_BYTES", BOUND)
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x"}
    refused(http.post("/files", content=iter([head, *[b"x" * 65_536] * 17]), headers=kind), 413)


def test_the_text_of_a_form_is_bounded_as_a_whole(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MAX_FIELDS_BYTES", BOUND)
    data = {"purpose": "batch", **{f"x{number}": TEXT for number in range(4)}}
    refused(http.post("/files", data=data, files={"file": b"x"}), 413)


def test_where_no_file_can_be_had_uploads_are_told_so(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rollover(_: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
        upload = {"data": {"purpose": "batch"}, "files": {"file": ("a", LARGE)}}
        refused(http.post("/files", **upload), 503, "server_error")  # type: ignore[arg-type]
    assert http.post("/files", **upload).status_code == 200  # type: ignore[arg-type]


def test_a_batch_that_found_no_room_runs_again_from_its_start(
    client: OpenAI, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = looked_at(client, started(client, [request("a"), request("b")]), 1)
    append = content.Piece.append
    appended: list[bytes] = []

    def once(piece: content.Piece, data: bytes) -> None:
        if appended:
            raise content.no_room()
        appended.append(data)
        append(piece, data)

    with monkeypatch.context() as patched:
        patched.setattr(content.Piece, "append", once)
        refused(http.get(f"/batches/{batch.id}"), 503, "server_error")
    batch = looked_at(client, batch, 2)
    assert batch.status == "completed"
    assert [line["custom_id"] for line in lines_of(client, batch.output_file_id)] == ["a", "b"]


def test_the_output_of_a_batch_does_not_lie_in_memory(client: OpenAI) -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": f"Return exactly: {'x' * 8_000}"}],
        "n": 128,
    }
    batch = looked_at(client, started(client, [request(str(number), body=body) for number in range(64)]), 1)
    tracemalloc.start()
    batch = looked_at(client, batch, 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = client.files.retrieve(str(batch.output_file_id)).bytes
    assert size > 60 * 2**20
    assert peak < size / 2


def test_a_long_line_is_copied_once_and_refused(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[bytes] = []

    def counted(given: Content, limit: int) -> Iterator[bytes]:
        for line in read(given, limit):
            lines.append(line)
            yield line

    read = Content.lines
    monkeypatch.setattr(Content, "lines", counted)
    batch = looked_at(client, started(client, [request("a"), "x" * (64 * 2**20), request("b")]), 1)
    assert batch.errors is not None
    assert [(one.code, one.line) for one in batch.errors.data or []] == [("invalid_json_line", 2)]
    assert sum(map(len, lines)) < batch_lines.MAX_LINE_BYTES + 1_000


def test_a_line_may_be_as_long_as_the_limit(client: OpenAI) -> None:
    line = json.dumps(request("a"))
    full = line + " " * (batch_lines.MAX_LINE_BYTES - len(line))
    for text, status in ((full, "in_progress"), (full + "\r", "in_progress"), (full + " ", "failed")):
        assert looked_at(client, started(client, [text, ""], CHAT), 1).status == status


@pytest.mark.parametrize("cut", [1, 2, 7, 256 * 1024 - 1, 256 * 1024])
def test_lines_are_those_of_the_bytes(cut: int) -> None:
    data = b"\n".join([os.urandom(1).hex().encode() * cut, b"", b"a\r", b"\r", b"b" * cut, b"c"])
    wanted = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    assert list(Content.of(data).lines(len(data))) == wanted
    assert list(Content.of(data + b"\n").lines(len(data))) == wanted
    assert list(Content.of(data).lines(0)) == [line[:1].removesuffix(b"\r") for line in data.split(b"\n")]
