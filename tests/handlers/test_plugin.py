"""The plugin manifest, made of the settings."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.actions.plugin import manifest
from relay.settings import load_settings
from tests.handlers.judging import judge
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, relay_over

PATH = "/.well-known/ai-plugin.json"


def served(upstream: tuple[Recorder, str], **given: Any) -> dict[str, Any]:
    with relay_over(upstream[1], **given) as root:
        answer = httpx.get(root + PATH)
    judge(PATH, answer)
    assert not any(key in answer.text for key in (REAL_KEY, RELAY_KEY, upstream[1]))
    made: dict[str, Any] = answer.json()
    return made


def test_it_is_made_of_the_settings(upstream: tuple[Recorder, str]) -> None:
    made = served(
        upstream,
        relay_name="Our team's relay",
        relay_public_url="https://relay.example/team",
        relay_contact="it@team.example",
    )
    assert made["schema_version"] == "v1"
    assert (made["name_for_human"], made["name_for_model"]) == ("Our team's relay", "Our_team_s_relay")
    assert made["api"] == {"type": "openapi", "url": "https://relay.example/team/openapi.actions.json"}
    assert made["logo_url"] == "https://relay.example/team/static/logo.svg"
    assert made["contact_email"] == "it@team.example"
    assert made["auth"] == {
        "type": "service_http",
        "authorization_type": "bearer",
        "verification_tokens": {},
    }


def test_what_there_is_not_is_left_out(upstream: tuple[Recorder, str]) -> None:
    made = served(upstream, relay_key=None)
    assert made["auth"] == {"type": "none"}
    assert "contact_email" not in made
    assert made["api"]["url"].startswith("https://127.0.0.1:")


@pytest.mark.parametrize("path", ["/openapi.actions.json"])
@pytest.mark.usefixtures("actions_folder")
def test_the_document_is_where_it_points(upstream: tuple[Recorder, str], path: str) -> None:
    with relay_over(upstream[1]) as root:
        url = httpx.get(root + PATH).json()["api"]["url"]
        assert url.endswith(path)
        assert httpx.get(url.replace("https:", "http:")).json()["servers"] == [
            {"url": url.removesuffix(path)}
        ]


@given(name=st.text(st.characters(codec="utf-8"), max_size=80))
def test_any_name_of_the_relay_fits_the_format(name: str) -> None:
    made = manifest(load_settings(relay_name=name), "https://relay.example/x")
    assert 1 <= len(made["name_for_human"]) <= 20
    assert 1 <= len(made["name_for_model"]) <= 50
    assert made["name_for_model"].isascii()
    assert made["name_for_model"].replace("_", "").isalnum()
