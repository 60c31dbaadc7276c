"""The contract's documents over HTTP: as YAML, and for Actions, with the relay's own address in them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen import files
from relay.actions import documents
from relay.settings import load_settings
from tests import actions_folder as made
from tests.handlers.judging import judge, refused
from tests.relay.wire import Answer, ask
from tests.servers import PROJECT, RELAY_KEY, exchange, relay_over

PUBLIC_URL = "https://relay.example/team"
GROUP = "/actions/groups/{document}"
TOOLS = "/actions/groups/{group}/tools.json"
FORMS = {
    "/openapi.actions.json": "default",
    "/openapi.actions.yaml": "default",
    "/actions/groups/default.yaml": "default",
    "/actions/groups/files.json": "files",
    "/actions/groups/files.yaml": "files",
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of a relay that knows its own address; it shows the key."""
    with (
        relay_over("sandbox:", relay_public_url=PUBLIC_URL) as root,
        httpx.Client(base_url=root, headers={"x-relay-key": RELAY_KEY}, timeout=30) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    """A relay that has to be told its address by each request."""
    with relay_over("sandbox:") as made:
        yield made


def parsed(response: httpx.Response) -> Any:
    """The document in an answer, in whichever form it came."""
    if response.headers["content-type"] == "application/json":
        return response.json()
    assert response.headers["content-type"] == "application/yaml"
    return files.parse(response.content, "answer.yaml")


def test_the_yaml_document_is_yaml(client: httpx.Client) -> None:
    served = client.get("/openapi.yaml")
    judge("/openapi.yaml", served)
    assert served.headers["content-type"] == "application/yaml"
    assert served.text.startswith("openapi: 3.1.0\n")


@pytest.mark.usefixtures("actions_folder")
@pytest.mark.parametrize("path", FORMS)
def test_a_document_for_actions_has_this_relay_for_its_server(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    judge(GROUP if "groups" in path else path, answer)
    expected = {**made.document(FORMS[path]), "servers": [{"url": PUBLIC_URL}]}
    assert parsed(answer) == expected
    head = client.head(path)
    assert (head.content, head.headers["content-length"]) == (b"", answer.headers["content-length"])


@pytest.mark.usefixtures("actions_folder")
@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("relay.example", "https://relay.example"),
        ("Relay.Example:8443", "https://Relay.Example:8443"),
        ("relay_1:8000", "https://relay_1:8000"),
        ("127.0.0.1:8000", "https://127.0.0.1:8000"),
        ("[::1]:8000", "https://[::1]:8000"),
        ("", "https://localhost"),
        ("user@relay.example", "https://localhost"),
        ("relay.example/team", "https://localhost"),
        ("relay.example:0", "https://localhost"),
        ("relay.example:99999", "https://localhost"),
        ("relay.example:", "https://localhost"),
        ("relay..example", "https://localhost"),
        ("[::::1]", "https://localhost"),
        ('relay.example"', "https://localhost"),
        ("relay.example?a", "https://localhost"),
        ("a" * 262, "https://localhost"),
    ],
)
def test_without_a_public_address_the_host_of_the_request_is_it(root: str, host: str, server: str) -> None:
    for path in ("/openapi.actions.json", "/openapi.actions.yaml"):
        raw = exchange(root, f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        assert raw.startswith(b"HTTP/1.1 200 ")
        body = raw.partition(b"\r\n\r\n")[2]
        assert files.parse(body, path)["servers"] == [{"url": server}]


HOSTS = st.text(max_size=30) | st.from_regex(r"[a-z\[\]:.@/\\%\s0-9-]{0,20}", fullmatch=True)


@given(HOSTS)
def test_no_host_makes_an_address_of_another_kind(host: str) -> None:
    scope = {"headers": [(b"host", host.encode("utf-8", "replace"))]}
    url = documents.public_url(load_settings(), scope)
    parts = urlsplit(url)
    assert url == f"https://{parts.netloc}"
    assert parts.hostname
    assert parts.port != 0
    assert re.fullmatch(r"[A-Za-z0-9_.:\[\]-]+", parts.netloc)
    assert url == "https://localhost" or parts.netloc == host


def test_two_hosts_are_none() -> None:
    scope = {"headers": [(b"host", b"one.example"), (b"host", b"two.example")]}
    assert documents.public_url(load_settings(), scope) == "https://localhost"
    assert documents.public_url(load_settings(), {"headers": []}) == "https://localhost"


@pytest.mark.usefixtures("actions_folder")
def test_the_groups_are_listed_with_their_addresses(client: httpx.Client) -> None:
    answer = client.get("/actions/groups")
    judge("/actions/groups", answer)
    assert answer.json()["data"] == [
        {
            "name": name,
            "title": f"Group {name}",
            "description": f"What {name} is for.",
            "operations": 2,
            "url": f"{PUBLIC_URL}/actions/groups/{name}.json",
            "tools_url": f"{PUBLIC_URL}/actions/groups/{name}/tools.json",
        }
        for name in made.NAMES
    ]


@pytest.mark.usefixtures("actions_folder")
@pytest.mark.parametrize("name", made.NAMES)
def test_the_operations_of_a_group_are_there_as_function_tools(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/actions/groups/{name}/tools.json")
    judge(TOOLS, answer)
    assert answer.json() == made.tools(name)


UNKNOWN = ["nothing.json", "nothing.yaml", "files", "files.txt", "files.tools.json", ".json", "FILES.json"]


@pytest.mark.usefixtures("actions_folder")
@pytest.mark.parametrize("name", [*UNKNOWN, "..json", "files.json.json"])
def test_an_unknown_group_is_a_404_that_names_those_that_there_are(client: httpx.Client, name: str) -> None:
    message = refused(GROUP, client.get(f"/actions/groups/{name}"), "group_not_found")
    assert all(group in message for group in made.NAMES)


@pytest.mark.usefixtures("actions_folder")
@pytest.mark.parametrize("name", ["nothing", "files.json", "..json", "Files"])
def test_an_unknown_group_has_no_tools(client: httpx.Client, name: str) -> None:
    refused(TOOLS, client.get(f"/actions/groups/{name}/tools.json"), "group_not_found")


@pytest.mark.parametrize(
    "name", ["..%2Fopenapi.json", "%2e%2e%2fopenapi.json", "default%00.json", "..%5Cx.json", "%ff.json"]
)
def test_no_path_leads_out_of_the_folder(root: str, actions_folder: Path, name: str) -> None:
    (actions_folder.parent / "openapi.json").write_text("{}")
    for path in (f"/actions/groups/{name}", f"/actions/groups/{name}/tools.json"):
        answer: Answer = ask(root, "GET", path)
        assert answer.status in {400, 404}
        assert answer.error["type"] == "invalid_request_error"


def test_without_documents_there_are_no_groups(
    client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.actions.documents._FOLDER", tmp_path / "nothing")
    assert client.get("/actions/groups").json() == {"object": "list", "data": []}
    answer = client.get("/openapi.actions.json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "group_not_found")


@pytest.mark.parametrize("name", documents.groups())
def test_the_generated_documents_are_served(client: httpx.Client, name: str) -> None:
    folder = PROJECT / "generated" / "actions"
    expected = json.loads((folder / f"{name}.json").read_bytes())
    del expected["x-generated"]
    for form in ("json", "yaml"):
        answer = client.get(f"/actions/groups/{name}.{form}")
        judge(GROUP, answer)
        assert parsed(answer) == {**expected, "servers": [{"url": PUBLIC_URL}]}
    tools = client.get(f"/actions/groups/{name}/tools.json")
    judge(TOOLS, tools)
    assert tools.json() == json.loads((folder / f"{name}.tools.json").read_bytes())["tools"]
