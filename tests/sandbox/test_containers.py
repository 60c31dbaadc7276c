from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import ContainerCreateResponse

from tests.sandbox.conftest import Contract


@pytest.fixture
def container(client: OpenAI) -> ContainerCreateResponse:
    return client.containers.create(name="box")


def test_a_container_is_made_listed_and_deleted(
    client: OpenAI, http: httpx.Client, contract: Contract
) -> None:
    expiry: Any = {"anchor": "last_active_at", "minutes": 5}
    made = client.containers.create(name="one", expires_after=expiry, memory_limit="4g")
    assert (made.id[:5], made.object, made.name, made.status) == ("cntr_", "container", "one", "running")
    assert (made.memory_limit, made.last_active_at) == ("4g", made.created_at)
    assert made.expires_after is not None
    assert made.expires_after.minutes == 5
    contract.judge("ContainerResource", http.get(f"/containers/{made.id}").json())
    client.containers.create(name="two")
    assert next(iter(client.containers.list(name="one"))).id == made.id
    gone = http.delete(f"/containers/{made.id}").json()
    assert gone == {"id": made.id, "object": "container.deleted", "deleted": True}
    for path in (f"/containers/{made.id}", f"/containers/{made.id}/files"):
        assert http.get(path).status_code == 404


def test_what_is_not_said_is_as_usual(container: ContainerCreateResponse) -> None:
    assert container.memory_limit == "1g"
    assert container.expires_after is not None
    assert container.expires_after.minutes == 20


def test_files_are_copied_in_at_once(client: OpenAI) -> None:
    names = ["a.txt", "b.txt"]
    files = [client.files.create(file=(name, name.encode()), purpose="user_data").id for name in names]
    made = client.containers.create(name="box", file_ids=files)
    inside = list(client.containers.files.list(made.id, order="asc"))
    assert [one.path for one in inside] == ["/mnt/data/a.txt", "/mnt/data/b.txt"]
    assert client.containers.files.content.retrieve(inside[1].id, container_id=made.id).text == "b.txt"


def test_a_file_is_sent_read_back_and_deleted(
    client: OpenAI, http: httpx.Client, contract: Contract, container: ContainerCreateResponse
) -> None:
    content = bytes(range(256)) * 5_000
    made = client.containers.files.create(container.id, file=("folder/data.bin", content))
    assert (made.path, made.source, made.bytes) == ("/mnt/data/data.bin", "user", len(content))
    assert (made.container_id, made.object) == (container.id, "container.file")
    path = f"/containers/{container.id}/files/{made.id}"
    contract.judge("ContainerFileResource", http.get(path).json())
    assert client.containers.files.content.retrieve(made.id, container_id=container.id).content == content
    part = http.get(f"{path}/content", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, content[10:20])
    assert 'filename="data.bin"' in part.headers["content-disposition"]
    gone = http.delete(path).json()
    assert gone == {"id": made.id, "object": "container.file.deleted", "deleted": True}
    assert http.get(path).status_code == http.get(f"{path}/content").status_code == 404


def test_a_file_is_copied_by_its_id(client: OpenAI, container: ContainerCreateResponse) -> None:
    file = client.files.create(file=("a.csv", b"1,2"), purpose="user_data")
    made = client.containers.files.create(container.id, file_id=file.id)
    client.files.delete(file.id)
    assert (made.path, made.bytes) == ("/mnt/data/a.csv", 3)
    assert made.id != file.id
    assert client.containers.files.content.retrieve(made.id, container_id=container.id).text == "1,2"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {}, "name"),
        ("", {"name": "n", "file_ids": ["file-none"]}, "file_ids[0]"),
        ("", {"name": "n", "memory_limit": "2g"}, "memory_limit"),
        ("/{id}/files", {}, "file"),
        ("/{id}/files", {"file_id": "file-none"}, "file_id"),
        ("/{id}/files", {"file_id": 5}, "file_id"),
    ],
)
def test_what_is_wrong_with_a_request_is_a_400(
    http: httpx.Client, container: ContainerCreateResponse, path: str, body: dict[str, Any], param: str
) -> None:
    answer = http.post(f"/containers{path.format(id=container.id)}", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_file_without_a_name_of_its_own_is_a_400(
    http: httpx.Client, container: ContainerCreateResponse
) -> None:
    answer = http.post(f"/containers/{container.id}/files", files={"file": ("a/..", b"x")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


def test_what_is_not_there_is_a_404(client: OpenAI, container: ContainerCreateResponse) -> None:
    with pytest.raises(openai.NotFoundError, match="cntr_none"):
        client.containers.retrieve("cntr_none")
    with pytest.raises(openai.NotFoundError, match="cntr_none"):
        client.containers.files.create("cntr_none", file=b"x")
    with pytest.raises(openai.NotFoundError, match="cfile_none"):
        client.containers.files.content.retrieve("cfile_none", container_id=container.id)
