"""What the relay says that it serves."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from generated.operations import OPERATIONS
from handlers.manifest import _group
from tests.actions_folder import NAMES
from tests.handlers.judging import judge
from tests.servers import RELAY_KEY, Recorder, relay_over

PATHS = ("/manifest", "/v1/manifest")
# The names that an earlier relay had for them.
GROUPS = {
    "actions",
    "batches",
    "embeddings",
    "files",
    "health",
    "images",
    "models",
    "realtime_http",
    "realtime_ws",
    "responses",
    "responses_actions",
    "responses_compact",
    "tools",
    "uploads",
    "vector_stores",
    "videos",
}


@pytest.fixture(scope="module")
def client(upstream: tuple[Recorder, str]) -> Iterator[httpx.Client]:
    given = {"relay_name": "ours", "relay_public_url": "https://relay.example"}
    with relay_over(upstream[1], **given) as root, httpx.Client(base_url=root, timeout=30) as made:
        yield made


def told(client: httpx.Client) -> dict[str, Any]:
    manifest: dict[str, Any] = client.get("/manifest").json()
    return manifest


@pytest.mark.parametrize("path", PATHS)
def test_it_is_what_the_document_says(client: httpx.Client, path: str) -> None:
    judge(path, client.get(path))
    assert client.get(path).json() == told(client)


def test_every_path_that_is_served_is_in_exactly_one_group(client: httpx.Client) -> None:
    listed = Counter(path for paths in told(client)["endpoints"].values() for path in paths)
    assert set(listed) == {found.path for found in OPERATIONS.values()}
    assert set(listed.values()) == {1}


def test_the_groups_are_named_as_they_were(client: httpx.Client) -> None:
    endpoints = told(client)["endpoints"]
    assert endpoints.keys() >= GROUPS
    assert endpoints["health"] == ["/", "/health", "/live", "/ready", "/v1/health"]
    assert endpoints["responses_compact"] == ["/v1/responses/compact"]
    assert endpoints["tools"] == ["/v1/tools", "/v1/tools/{tool_id}"]
    assert {"/v1/responses", "/v1/responses:stream"} <= set(endpoints["responses"])
    assert {"/v1/realtime", "/v1/realtime/ws"} <= set(endpoints["realtime_ws"])
    assert {"/vector_stores", "/v1/vector_stores"} <= set(endpoints["vector_stores"])
    assert {"/actions/ping", "/v1/actions/relay_info", "/actions/groups"} <= set(endpoints["actions"])


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("/v1/actions/files/upload", "files_actions"),
        ("/v1/actions/uploads/{upload_id}/parts", "uploads_actions"),
        ("/v1/actions/responses/compact", "responses_actions"),
        ("/v1/actions/images/edits", "images_actions"),
        ("/v1/actions/videos", "videos_actions"),
        ("/v1/proxy", "proxy"),
        ("/v1/realtime/ws", "realtime_http"),
        ("/actions", "actions"),
        ("/docs", "docs"),
    ],
)
def test_paths_to_come_have_groups_too(path: str, group: str) -> None:
    assert _group(path) == group


@pytest.mark.usefixtures("actions_folder")
def test_it_tells_how_to_reach_them(client: httpx.Client, upstream: tuple[Recorder, str]) -> None:
    manifest = told(client)
    assert manifest["meta"] == {
        "relay_name": "ours",
        "auth_required": True,
        "auth_header": "X-Relay-Key",
        "upstream_base_url": upstream[1],
        "actions_openapi_url": "https://relay.example/openapi.actions.json",
        "actions_openapi_groups": list(NAMES),
    }
    assert manifest["data"] == {"endpoints": manifest["endpoints"], "meta": manifest["meta"]}
    assert not upstream[0].seen


def test_without_a_key_it_says_that_none_is_needed(upstream: tuple[Recorder, str]) -> None:
    with relay_over(upstream[1], relay_key=None) as root:
        assert httpx.get(f"{root}/manifest").json()["meta"]["auth_required"] is False
        host = root.removeprefix("http://")
        meta = httpx.get(f"{root}/v1/manifest", headers={"x-relay-key": RELAY_KEY}).json()["meta"]
    assert meta["actions_openapi_url"] == f"https://{host}/openapi.actions.json"
