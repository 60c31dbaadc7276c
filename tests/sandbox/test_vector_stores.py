from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import VectorStore

from tests.sandbox.conftest import Contract


def uploaded(client: OpenAI, name: str, content: bytes) -> str:
    return client.files.create(file=(name, content), purpose="assistants").id


def attached(client: OpenAI, store: VectorStore, name: str, content: bytes = b"text", **more: Any) -> str:
    file = uploaded(client, name, content)
    client.vector_stores.files.create_and_poll(
        file_id=file, vector_store_id=store.id, poll_interval_ms=1, **more
    )
    return file


@pytest.fixture
def store(client: OpenAI) -> VectorStore:
    return client.vector_stores.create(name="library")


def test_counts_files_and_bytes_as_they_come_and_go(client: OpenAI) -> None:
    files = [uploaded(client, f"{number}.txt", b"x" * number) for number in (1, 2, 3)]
    made = client.vector_stores.create(file_ids=[*files, files[0]], metadata={"a": "b"})
    assert (made.status, made.file_counts.in_progress, made.usage_bytes) == ("in_progress", 3, 0)
    assert made.metadata == {"a": "b"}
    after = client.vector_stores.retrieve(made.id)
    assert (after.status, after.file_counts.completed, after.usage_bytes) == ("completed", 3, 6)
    client.vector_stores.files.delete(files[2], vector_store_id=made.id)
    assert client.files.retrieve(files[2]).bytes == 3
    client.files.delete(files[1])
    (listed,) = [one for one in client.vector_stores.list() if one.id == made.id]
    assert (listed.file_counts.total, listed.file_counts.completed, listed.usage_bytes) == (1, 1, 1)
    for gone in files[1:]:
        with pytest.raises(openai.NotFoundError, match=gone):
            client.vector_stores.files.retrieve(gone, vector_store_id=made.id)


def test_a_store_is_changed_and_deleted(client: OpenAI, http: httpx.Client, contract: Contract) -> None:
    expiry: Any = {"anchor": "last_active_at", "days": 2}
    made = client.vector_stores.create(name="one", expires_after=expiry)
    assert made.last_active_at is not None
    assert made.expires_at == made.last_active_at + 172_800
    changed = client.vector_stores.update(made.id, name="two", metadata={"c": "d"}, expires_after=None)
    assert (changed.name, changed.metadata, changed.expires_after) == ("two", {"c": "d"}, None)
    assert changed.expires_at is None
    contract.judge("VectorStoreObject", http.get(f"/vector_stores/{made.id}").json())
    assert client.vector_stores.delete(made.id).object == "vector_store.deleted"
    with pytest.raises(openai.NotFoundError, match=f"No vector store found with id '{made.id}'"):
        client.vector_stores.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.list(made.id)


def test_a_file_is_processed_when_it_is_looked_at(
    client: OpenAI, http: httpx.Client, contract: Contract, store: VectorStore
) -> None:
    file = uploaded(client, "a.txt", b"text")
    made = client.vector_stores.files.create(file_id=file, vector_store_id=store.id, attributes={"n": 1})
    assert (made.id, made.status, made.usage_bytes) == (file, "in_progress", 0)
    shown = http.get(f"/vector_stores/{store.id}/files/{file}").json()
    contract.judge("VectorStoreFileObject", shown)
    assert (shown["status"], shown["usage_bytes"], shown["attributes"]) == ("completed", 4, {"n": 1})
    assert shown["chunking_strategy"]["static"]["max_chunk_size_tokens"] == 800
    updated = client.vector_stores.files.update(file, vector_store_id=store.id, attributes={"m": True})
    assert updated.attributes == {"m": True}
    deleted = client.vector_stores.files.delete(file, vector_store_id=store.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (file, "vector_store.file.deleted", True)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("a.png", b"text", "unsupported_file"), ("a.txt", b"", "invalid_file")],
)
def test_a_file_without_text_fails(
    client: OpenAI, store: VectorStore, name: str, content: bytes, code: str
) -> None:
    file = attached(client, store, name, content)
    failed = client.vector_stores.files.retrieve(file, vector_store_id=store.id)
    assert (failed.status, failed.usage_bytes) == ("failed", 0)
    assert failed.last_error is not None
    assert failed.last_error.code == code
    assert client.vector_stores.retrieve(store.id).file_counts.failed == 1


def test_lists_files_by_status_and_page(client: OpenAI, store: VectorStore) -> None:
    done = [attached(client, store, f"{number}.txt") for number in range(3)]
    waiting = uploaded(client, "w.txt", b"text")
    client.vector_stores.files.create(file_id=waiting, vector_store_id=store.id)
    listing = client.vector_stores.files.list
    assert [one.id for one in listing(store.id, filter="completed", order="asc", limit=2)] == done
    assert [one.id for one in listing(store.id, filter="in_progress")] == [waiting]
    assert [one.id for one in listing(store.id, order="asc", before=done[1])] == [done[0]]
    with pytest.raises(openai.BadRequestError):
        listing(store.id, filter="done")  # type: ignore[arg-type]


def test_the_text_comes_in_pieces_of_the_size_asked_for(client: OpenAI, store: VectorStore) -> None:
    text = "é" * 1_000
    size: Any = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    file = attached(client, store, "a.txt", text.encode(), chunking_strategy=size)
    parts = [part.text for part in client.vector_stores.files.content(file, vector_store_id=store.id)]
    assert [len(str(part)) for part in parts] == [400, 400, 200]
    assert "".join(map(str, parts)) == text


def test_a_batch_attaches_files_with_the_same(client: OpenAI, store: VectorStore) -> None:
    files = [uploaded(client, f"{number}.txt", b"text") for number in range(2)]
    batch = client.vector_stores.file_batches.create_and_poll(
        store.id, file_ids=files, attributes={"of": "both"}, poll_interval_ms=1
    )
    assert (batch.status, batch.file_counts.completed, batch.file_counts.total) == ("completed", 2, 2)
    listed = list(client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id))
    assert {one.id: one.attributes for one in listed} == {file: {"of": "both"} for file in files}


def test_a_batch_attaches_files_each_with_its_own(
    client: OpenAI, http: httpx.Client, contract: Contract, store: VectorStore
) -> None:
    one, two = (uploaded(client, f"{number}.txt", b"text") for number in range(2))
    given: Any = [{"file_id": one, "attributes": {"n": 1}}, {"file_id": two}]
    made = client.vector_stores.file_batches.create(store.id, files=given)
    assert (made.status, made.file_counts.in_progress) == ("in_progress", 2)
    contract.judge(
        "VectorStoreFileBatchObject", http.get(f"/vector_stores/{store.id}/file_batches/{made.id}").json()
    )
    listed = client.vector_stores.file_batches.list_files(made.id, vector_store_id=store.id, order="asc")
    assert [file.attributes for file in listed] == [{"n": 1}, {}]


def test_cancelling_a_batch_gives_up_what_is_in_progress(client: OpenAI, store: VectorStore) -> None:
    files = [uploaded(client, f"{number}.txt", b"text") for number in range(2)]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=files)
    client.vector_stores.files.retrieve(files[0], vector_store_id=store.id)
    cancelled = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    counts = cancelled.file_counts
    assert (cancelled.status, counts.completed, counts.cancelled) == ("cancelled", 1, 1)
    assert client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id) == cancelled
    with pytest.raises(openai.BadRequestError, match="cancelled"):
        client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)


def test_a_batch_that_is_done_cannot_be_cancelled(client: OpenAI, store: VectorStore) -> None:
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[uploaded(client, "a.txt", b"a")])
    client.vector_stores.retrieve(store.id)
    with pytest.raises(openai.BadRequestError, match="completed"):
        client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)


def test_files_are_uploaded_and_attached_in_one_go(client: OpenAI, store: VectorStore) -> None:
    files: Any = [(f"{number}.txt", b"text") for number in range(3)]
    batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=files, poll_interval_ms=1)
    assert batch.file_counts.completed == 3
    assert client.vector_stores.retrieve(store.id).file_counts.completed == 3


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {"file_ids": ["file-none"]}, "file_ids[0]"),
        ("", {"file_ids": ["x"] * 501}, "file_ids"),
        ("", {"expires_after": {"anchor": "last_active_at", "days": 0}}, "expires_after.days"),
        ("", {"chunking_strategy": {"type": "other"}}, "chunking_strategy"),
        ("", {"name": 5}, "name"),
        ("/{id}/files", {}, "file_id"),
        ("/{id}/files", {"file_id": "file-none"}, "file_id"),
        ("/{id}/files", {"file_id": "file-none", "attributes": {"a": []}}, "attributes"),
        ("/{id}/file_batches", {}, "file_ids"),
        ("/{id}/file_batches", {"file_ids": []}, "file_ids"),
        ("/{id}/file_batches", {"file_ids": ["file-none"]}, "file_ids[0]"),
        ("/{id}/file_batches", {"files": [{}]}, "files"),
        ("/{id}/file_batches", {"files": [{"file_id": "file-none"}]}, "files[0]"),
        ("/{id}/file_batches", {"files": [], "file_ids": []}, "files"),
        ("/{id}/search", {}, "query"),
        ("/{id}/search", {"query": ""}, "query"),
        ("/{id}/search", {"query": 5}, "query"),
        ("/{id}/search", {"query": ["a", 5]}, "query[1]"),
        ("/{id}/search", {"query": [None]}, "query[0]"),
        ("/{id}/search", {"query": "a", "max_num_results": 51}, "max_num_results"),
        ("/{id}/search", {"query": "a", "filters": {"type": "like", "key": "a", "value": 1}}, "filters"),
        (
            "/{id}/search",
            {"query": "a", "ranking_options": {"score_threshold": "x"}},
            "ranking_options.score_threshold",
        ),
    ],
)
def test_what_is_wrong_with_a_request_is_a_400(
    http: httpx.Client, store: VectorStore, path: str, body: dict[str, Any], param: str
) -> None:
    answer = http.post(f"/vector_stores{path.format(id=store.id)}", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_the_attributes_have_to_be_given(client: OpenAI, http: httpx.Client, store: VectorStore) -> None:
    file = attached(client, store, "a.txt")
    answer = http.post(f"/vector_stores/{store.id}/files/{file}", json={})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "attributes")
    assert http.post(f"/vector_stores/{store.id}/files/{file}", json={"attributes": None}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/vs_none",
        "/vs_none/files",
        "/vs_none/files/file-none",
        "/{id}/files/file-none",
        "/{id}/file_batches/vsfb_none",
    ],
)
def test_what_is_not_there_is_a_404(http: httpx.Client, store: VectorStore, path: str) -> None:
    answer = http.get(f"/vector_stores{path.format(id=store.id)}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error")
