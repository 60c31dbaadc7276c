from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from relay.dispatch import Relay
from tests.servers import RELAY_KEY, Recorder, Seen, answering, relay_over

OURS = "https://app.example"
OTHER = "https://evil.example"
KEY = {"x-relay-key": RELAY_KEY}
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "named": {"cors_allow_origins": f'["{OURS}", "http://localhost:3000"]'},
    "narrow": {"cors_allow_origins": OURS, "cors_allow_methods": "GET", "cors_allow_headers": "x-relay-key"},
    "credentials": {"cors_allow_origins": OURS, "cors_allow_credentials": True},
    "every": {"cors_allow_origins": "*"},
}


async def _buggy(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise RuntimeError("a bug")


@pytest.fixture(scope="module")
def roots(upstream: tuple[Recorder, str]) -> Iterator[dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr("handlers.health.get_live", _buggy)
        yield {
            name: stack.enter_context(relay_over(upstream[1], relay_unknown_paths="reject", **given))
            for name, given in SETTINGS.items()
        }


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as made:
        yield made


@pytest.fixture
def answers(upstream: tuple[Recorder, str]) -> Iterator[Recorder]:
    """The upstream, to be given a reply for one test."""
    yield upstream[0]
    upstream[0].reply = None


def preflight(origin: str, method: str = "POST", fields: str = "x-relay-key,content-type") -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": fields,
    }


def cors(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


def listed(response: httpx.Response, name: str) -> set[str]:
    return {item.strip().lower() for item in response.headers[name].split(",")}


@pytest.mark.parametrize("name", ["named", "credentials", "every"])
def test_a_preflight_from_an_allowed_origin_is_answered_without_a_key(
    roots: dict[str, str], client: httpx.Client, seen: list[Seen], name: str
) -> None:
    response = client.options(f"{roots[name]}/v1/responses", headers=preflight(OURS))
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ("*" if name == "every" else OURS)
    assert "post" in listed(response, "access-control-allow-methods")
    assert {"x-relay-key", "content-type"} <= listed(response, "access-control-allow-headers")
    assert ("access-control-allow-credentials" in response.headers) == (name == "credentials")
    assert not seen


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("named", preflight(OTHER)),
        ("named", preflight(f"{OURS}.evil.example")),
        ("named", preflight("null")),
        ("narrow", preflight(OURS, "POST", "x-relay-key")),
        ("narrow", preflight(OURS, "GET", "x-relay-key,x-other")),
    ],
)
def test_a_preflight_for_more_than_is_allowed_is_refused(
    roots: dict[str, str], client: httpx.Client, seen: list[Seen], name: str, asked: dict[str, str]
) -> None:
    response = client.options(f"{roots[name]}/v1/responses", headers=asked)
    assert response.status_code == 400
    if asked["origin"] != OURS:
        assert "access-control-allow-origin" not in response.headers
    assert not seen


def test_the_narrow_settings_still_allow_what_they_name(roots: dict[str, str], client: httpx.Client) -> None:
    response = client.options(f"{roots['narrow']}/v1/models", headers=preflight(OURS, "GET", "x-relay-key"))
    assert response.status_code == 200
    assert listed(response, "access-control-allow-methods") == {"get"}


@pytest.mark.parametrize("path", ["/v1/responses", "/health", "/nowhere"])
def test_without_origins_no_browser_is_told_anything(
    roots: dict[str, str], client: httpx.Client, seen: list[Seen], path: str
) -> None:
    asked = client.options(roots["none"] + path, headers=preflight(OURS))
    assert asked.status_code >= 400
    assert cors(asked) == {}
    assert cors(client.get(f"{roots['none']}/v1/models", headers=KEY | {"origin": OURS})) == {}
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("name", "origin", "allowed"),
    [
        ("named", OURS, OURS),
        ("named", "http://localhost:3000", "http://localhost:3000"),
        ("named", OTHER, None),
        ("credentials", OURS, OURS),
        ("every", OTHER, "*"),
    ],
)
def test_a_request_from_a_browser_says_who_may_read_its_answer(
    roots: dict[str, str], client: httpx.Client, name: str, origin: str, allowed: str | None
) -> None:
    response = client.get(f"{roots[name]}/v1/models", headers=KEY | {"origin": origin})
    assert response.status_code == 200
    assert response.headers.get("access-control-allow-origin") == allowed
    if name != "every" and allowed:
        assert "origin" in listed(response, "vary")
    exposed = listed(response, "access-control-expose-headers")
    assert exposed == {"x-request-id", "x-relay-request-id", "x-relay-validation"}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_request_without_an_origin_gets_no_cors_fields(
    roots: dict[str, str], client: httpx.Client, name: str
) -> None:
    assert cors(client.get(f"{roots[name]}/v1/models", headers=KEY)) == {}


@pytest.mark.parametrize(
    ("name", "origin", "allowed"),
    [("none", OTHER, []), ("named", OTHER, []), ("named", OURS, [OURS]), ("every", OTHER, ["*"])],
)
def test_the_upstreams_cors_fields_do_not_decide_for_the_relay(
    roots: dict[str, str], client: httpx.Client, answers: Recorder, name: str, origin: str, allowed: list[str]
) -> None:
    theirs = [(b"access-control-allow-origin", b"*"), (b"access-control-allow-credentials", b"true")]
    answers.reply = answering(b"{}", headers=theirs)
    response = client.get(f"{roots[name]}/v1/models", headers=KEY | {"origin": origin})
    assert response.headers.get_list("access-control-allow-origin") == allowed
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("name", ["named", "every"])
@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/v1/embeddings", KEY | {"content-type": "application/json"}, 400),
        ("GET", "/v1/models", {}, 401),
        ("GET", "/nowhere", KEY, 404),
        ("PUT", "/v1/models", KEY, 405),
        ("POST", "/v1/embeddings", KEY, 415),
        ("GET", "/live", KEY, 500),
    ],
)
def test_errors_carry_the_cors_fields_too(
    roots: dict[str, str],
    client: httpx.Client,
    name: str,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
) -> None:
    content = b"{" if method == "POST" else b""
    response = client.request(method, roots[name] + path, headers=headers | {"origin": OURS}, content=content)
    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == ("*" if name == "every" else OURS)
    assert "x-request-id" in listed(response, "access-control-expose-headers")
    assert response.json()["error"]["message"]


def test_options_that_is_no_preflight_is_a_request_like_any_other(
    roots: dict[str, str], client: httpx.Client, seen: list[Seen]
) -> None:
    response = client.options(f"{roots['named']}/v1/models", headers=KEY | {"origin": OURS})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.headers["access-control-allow-origin"] == OURS
    assert not seen
