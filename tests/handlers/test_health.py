from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from generated.operations import CONTRACT_VERSION, OPERATIONS
from tests.handlers.judging import judge
from tests.servers import PROJECT, REAL_KEY, RELAY_KEY, Recorder, relay_over

HEALTH = ("/", "/health", "/v1/health")
PROBES = ("/live", "/ready")
GIVEN: dict[str, dict[str, Any]] = {
    "full": {
        "relay_name": "ours",
        "app_mode": "production",
        "environment": "staging",
        "default_model": "gpt-6",
    },
    "open": {"relay_key": None},
    "no key": {"openai_api_key": None},
}


@pytest.fixture(scope="module")
def roots(upstream: tuple[Recorder, str]) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        made = {name: stack.enter_context(relay_over(upstream[1], **given)) for name, given in GIVEN.items()}
        made["sandbox"] = stack.enter_context(relay_over("sandbox:", openai_api_key=None))
        yield made


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as made:
        yield made


@pytest.fixture(scope="module")
def document(roots: dict[str, str], client: httpx.Client) -> dict[str, Any]:
    """The document as it is served."""
    served: dict[str, Any] = client.get(f"{roots['full']}/openapi.json").json()
    return served


@pytest.mark.parametrize("name", ["full", "open", "no key", "sandbox"])
@pytest.mark.parametrize("path", [*HEALTH, *PROBES])
def test_answers_are_what_the_served_document_says(
    roots: dict[str, str], client: httpx.Client, name: str, path: str
) -> None:
    judge(path, client.get(roots[name] + path))


@pytest.mark.parametrize("path", HEALTH)
def test_health_tells_the_state_of_the_relay(
    roots: dict[str, str], client: httpx.Client, upstream: tuple[Recorder, str], path: str
) -> None:
    state = client.get(roots["full"] + path).json()
    timestamp = datetime.fromisoformat(state.pop("timestamp"))
    assert timestamp.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - timestamp) < timedelta(hours=1)
    assert state == {
        "object": "health",
        "status": "ok",
        "environment": "staging",
        "default_model": "gpt-6",
        "relay": {
            "name": "ours",
            "version": version("chatgpt-team-relay"),
            "app_mode": "production",
            "auth_enabled": True,
            "auth_header": "X-Relay-Key",
            "relay_key_configured": True,
        },
        "openai": {"base_url": upstream[1], "api_key_configured": True},
        "meta": {
            "contract_version": CONTRACT_VERSION,
            "operations": sum(
                1 for found in OPERATIONS.values() if found.upstream_path and not found.alias_of
            ),
            "validation_reports": 0,
            "truncated_streams": 0,
        },
    }
    assert not upstream[0].seen


def test_health_says_which_keys_are_missing(roots: dict[str, str], client: httpx.Client) -> None:
    without_relay_key = client.get(f"{roots['open']}/health").json()["relay"]
    assert (without_relay_key["auth_enabled"], without_relay_key["relay_key_configured"]) == (False, False)
    assert client.get(f"{roots['no key']}/health").json()["openai"]["api_key_configured"] is False
    assert client.get(f"{roots['sandbox']}/health").json()["openai"] == {
        "base_url": "sandbox:",
        "api_key_configured": True,
    }


@pytest.mark.parametrize("name", ["full", "open", "no key", "sandbox"])
def test_live_is_200_and_ready_is_503_without_a_real_key(
    roots: dict[str, str], client: httpx.Client, name: str
) -> None:
    live = client.get(f"{roots[name]}/live")
    assert (live.status_code, live.json()) == (200, {"object": "live", "status": "ok"})
    ready = client.get(f"{roots[name]}/ready")
    said = (503, "upstream_key_missing") if name == "no key" else (200, "ok")
    assert (ready.status_code, ready.json()) == (said[0], {"object": "ready", "status": said[1]})


def test_no_answer_shows_a_key(roots: dict[str, str], client: httpx.Client) -> None:
    for path in (*HEALTH, *PROBES):
        answer = client.get(roots["full"] + path)
        assert not any(key in answer.text + str(answer.headers) for key in (REAL_KEY, RELAY_KEY))


@pytest.mark.parametrize("path", [*HEALTH, *PROBES, "/openapi.json"])
def test_head_is_get_without_the_body(roots: dict[str, str], client: httpx.Client, path: str) -> None:
    for name in ("full", "no key"):
        got, head = client.get(roots[name] + path), client.head(roots[name] + path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert int(head.headers["content-length"]) == got.num_bytes_downloaded
        assert head.headers["content-type"] == got.headers["content-type"]


def test_a_key_file_that_vanishes_leaves_the_relay_ready(
    upstream: tuple[Recorder, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.auth._LOOK_AGAIN_SECONDS", 0)
    file = tmp_path / "key"
    file.write_text("sk-x")
    given = {"openai_api_key": None, "openai_api_key_file": file}
    with relay_over(upstream[1], **given) as root:
        assert httpx.get(f"{root}/ready").status_code == 200
        file.unlink()
        assert httpx.get(f"{root}/ready").status_code == 200


def test_the_served_document_is_the_generated_one(roots: dict[str, str], client: httpx.Client) -> None:
    response = client.get(f"{roots['full']}/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.content == (PROJECT / "generated" / "openapi.json").read_bytes()


def test_the_served_document_names_every_operation_once(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    methods = {"get", "put", "post", "delete", "patch"}
    named = [
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in methods
    ]
    hidden = {
        name for name, found in OPERATIONS.items() if found.alias_of and found.path == found.upstream_path
    }
    assert len(hidden) == 16
    # Doors that words alone open take and give what their operations do: the document tells of these.
    doors = {name for name, found in OPERATIONS.items() if found.handler == "actions.serve"} - {*named}
    assert all(OPERATIONS[name].path == f"/v1/actions{OPERATIONS[name].upstream_path}" for name in doors)
    hidden |= doors
    assert sorted(named) == sorted(
        name for name, found in OPERATIONS.items() if not found.query and name not in hidden
    )
