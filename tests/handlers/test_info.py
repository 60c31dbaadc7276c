"""What the relay says of itself to whoever has a key."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from generated.operations import CONTRACT_VERSION
from relay.setting_fields import variables_of
from relay.settings import Settings
from tests.handlers.judging import judge
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, relay_over

GIVEN: dict[str, Any] = {
    "relay_name": "ours",
    "app_mode": "production",
    "environment": "staging",
    "default_model": "gpt-6",
}
PATHS = (
    "/actions/ping",
    "/v1/actions/ping",
    "/actions/relay_info",
    "/v1/actions/relay_info",
    "/actions/system/info",
)


@pytest.fixture(scope="module")
def client(upstream: tuple[Recorder, str]) -> Iterator[httpx.Client]:
    with (
        relay_over(upstream[1], **GIVEN) as root,
        httpx.Client(base_url=root, headers={"x-relay-key": RELAY_KEY}, timeout=30) as made,
    ):
        yield made
    assert not upstream[0].seen


@pytest.mark.parametrize("path", PATHS)
def test_it_is_what_the_document_says_and_holds_no_key(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    judge(path, answer)
    assert not any(key in answer.text + str(answer.headers) for key in (REAL_KEY, RELAY_KEY))
    assert client.get(path, headers={"x-relay-key": "wrong"}).status_code == 401


@pytest.mark.parametrize("path", PATHS[:2])
def test_a_ping_is_answered(client: httpx.Client, path: str) -> None:
    where = {"app_mode": "production", "environment": "staging"}
    assert client.get(path).json() == {"source": "chatgpt-team-relay", "status": "ok", **where}


def test_the_relay_is_told_of_flat_and_nested(client: httpx.Client, upstream: tuple[Recorder, str]) -> None:
    where = {"app_mode": "production", "environment": "staging"}
    assert client.get("/actions/relay_info").json() == {
        "relay_name": "ours",
        **where,
        "base_openai_api": upstream[1],
    }
    assert client.get("/v1/actions/relay_info").json() == {
        "type": "relay.info",
        "relay": {"name": "ours", **where},
        "upstream": {"base_url": upstream[1], "default_model": "gpt-6"},
    }


def settings(client: httpx.Client) -> dict[str, dict[str, str]]:
    """The settings that the relay tells, by variable."""
    return {row["variable"]: row for row in client.get("/actions/system/info").json()["settings"]}


def test_the_system_is_told_of_with_every_setting(client: httpx.Client) -> None:
    told = client.get("/actions/system/info").json()
    assert (told["version"], told["contract_version"]) == (version("chatgpt-team-relay"), CONTRACT_VERSION)
    rows = settings(client)
    assert set(rows) == {variables_of(field)[0] for field in Settings.model_fields.values()}
    assert rows["RELAY_NAME"] == {
        "variable": "RELAY_NAME",
        "default": "chatgpt-team-relay",
        "value": "ours",
    }
    assert rows["OPENAI_API_KEY"]["value"] == rows["RELAY_KEY"]["value"] == "**********"
    assert rows["RELAY_KEY_FILE"]["value"] == "none"


def test_the_place_of_a_key_file_is_not_told(upstream: tuple[Recorder, str], tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(RELAY_KEY)
    with (
        relay_over(upstream[1], relay_key=None, relay_key_file=file) as root,
        httpx.Client(base_url=root, headers={"x-relay-key": RELAY_KEY}) as client,
    ):
        assert settings(client)["RELAY_KEY_FILE"]["value"] == "**********"
        assert str(tmp_path) not in client.get("/actions/system/info").text
