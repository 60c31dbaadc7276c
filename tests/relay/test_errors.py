import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

import relay.errors
from generated.operations import OPERATIONS
from relay.dispatch import Relay
from relay.errors import TABLE, InternalError, RelayError, from_framework, shape
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, Seen, relay_over, running_relay, until

KEY = {"x-relay-key": RELAY_KEY}
PATHS = sorted({found.path for found in OPERATIONS.values()})


def descendants(kind: type[RelayError]) -> set[type[RelayError]]:
    return {kind}.union(*(descendants(child) for child in kind.__subclasses__()))


LEAVES = sorted(
    (kind for kind in descendants(RelayError) if not kind.__subclasses__()), key=lambda k: k.__name__
)


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "x", path)


def shown(response: httpx.Response) -> dict[str, Any]:
    """The error of an answer, which has OpenAI's shape and nothing else."""
    assert response.headers["content-type"] == "application/json"
    body: dict[str, dict[str, Any]] = response.json()
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    assert response.headers["x-request-id"] == response.headers["x-relay-request-id"]
    return body["error"]


@pytest.mark.parametrize("kind", LEAVES)
def test_every_error_has_a_row_and_openais_shape(kind: type[RelayError]) -> None:
    row = TABLE[kind]
    assert 400 <= row.status < 600
    assert row.type == ("invalid_request_error" if row.status < 500 else "server_error")
    error = json.loads(shape(kind("said \u2028 \ud800", param="a.b")))["error"]
    assert error == {"message": "said \u2028 \ud800", "type": row.type, "param": "a.b", "code": row.code}


def test_the_table_and_the_tree_in_the_docstring_name_the_leaves_and_nothing_else() -> None:
    assert set(TABLE) == set(LEAVES)
    drawn = re.findall(r"(?:├|└)── (\w+)", relay.errors.__doc__ or "")
    assert sorted(drawn) == sorted(kind.__name__ for kind in descendants(RelayError) - {RelayError})


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_body"),
        (401, "invalid_api_key"),
        (404, "unknown_url"),
        (405, "method_not_allowed"),
        (413, "request_too_large"),
        (415, "unsupported_media_type"),
        (500, "internal_error"),
        (503, "internal_error"),
    ],
)
def test_what_the_framework_refuses_is_an_error_of_the_relays(status: int, code: str) -> None:
    made = from_framework(HTTPException(status, "why", headers={"Allow": "GET"}))
    assert (made.message, made.code, made.headers) == ("why", code, {"Allow": "GET"})
    assert made.kind.status == min(status, 500)
    assert from_framework(HTTPException(status, "")).message


@pytest.fixture(scope="module")
def roots(upstream: tuple[Recorder, str]) -> Iterator[dict[str, str]]:
    """Relays: one that works, one without a key, and one whose upstream refuses connections."""
    with ExitStack() as stack, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        yield {
            "works": stack.enter_context(
                relay_over(
                    upstream[1],
                    relay_max_body_mb=1,
                    relay_unknown_paths="reject",
                    relay_blocked_operations=[],
                )
            ),
            "no key": stack.enter_context(relay_over(upstream[1], openai_api_key=None)),
            "no upstream": stack.enter_context(relay_over(closed)),
        }


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as made:
        yield made


JSON = KEY | {"content-type": "application/json"}
FORM = KEY | {"content-type": "multipart/form-data; boundary=b"}
LARGE = b"1" * 1_048_577


@pytest.mark.parametrize(
    ("root", "status", "code", "call"),
    [
        ("works", 400, "invalid_json", ("POST", "/v1/embeddings", JSON, b"{")),
        ("works", 401, "invalid_api_key", ("GET", "/v1/models", {}, b"")),
        ("works", 404, "unknown_url", ("GET", "/nowhere", KEY, b"")),
        ("works", 405, "method_not_allowed", ("PUT", "/v1/models", KEY, b"")),
        ("works", 413, "request_too_large", ("POST", "/v1/embeddings", JSON, LARGE)),
        ("works", 413, "request_too_large", ("POST", "/v1/files", FORM, LARGE)),
        ("works", 415, "unsupported_media_type", ("POST", "/v1/embeddings", KEY, b"{}")),
        ("no key", 424, "upstream_key_missing", ("GET", "/v1/models", KEY, b"")),
        ("no upstream", 502, "upstream_unreachable", ("GET", "/v1/models", KEY, b"")),
    ],
)
def test_each_refusal_has_openais_shape_and_leaves_the_upstream_alone(
    roots: dict[str, str],
    client: httpx.Client,
    seen: list[Seen],
    root: str,
    status: int,
    code: str,
    call: tuple[str, str, dict[str, str], bytes],
) -> None:
    method, path, headers, body = call
    response = client.request(method, roots[root] + path, headers=headers, content=body)
    assert response.status_code == status
    error = shown(response)
    assert (error["code"], error["param"]) == (code, None)
    assert error["type"] == ("invalid_request_error" if status < 500 else "server_error")
    assert not any(word in response.text for word in ("127.0.0.1", REAL_KEY, RELAY_KEY, "Traceback"))
    assert not seen


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_method_is_405_with_every_method_of_the_path(
    roots: dict[str, str], client: httpx.Client, seen: list[Seen], path: str
) -> None:
    response = client.put(roots["works"] + filled(path), headers=KEY)
    methods = {found.method for found in OPERATIONS.values() if found.path == path}
    assert response.status_code == 405
    allowed = set(response.headers["allow"].split(", "))
    assert allowed >= methods | ({"HEAD"} if "GET" in methods else set())
    assert "PUT" not in allowed
    assert str(sorted(allowed))[1:-1].replace("'", "") in shown(response)["message"]
    assert not seen


def test_the_methods_are_those_of_the_path_alone(roots: dict[str, str], client: httpx.Client) -> None:
    for path, allowed in (
        ("/v1/assistants/x", "DELETE, GET, HEAD, POST"),
        ("/v1/models", "GET, HEAD"),
        ("/v1/embeddings", "POST"),
        ("/health", "GET, HEAD"),
    ):
        assert client.patch(roots["works"] + path, headers=KEY).headers["allow"] == allowed


def raw(root: str, path: str) -> httpx.URL:
    """An address whose path httpx leaves alone."""
    return httpx.URL(root).copy_with(raw_path=path.encode())


@pytest.mark.parametrize(
    "path", ["/v1/models/", "/health/", "/v1/assistants/x/", "//v1/models", "/v1//models"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_with_a_slash_too_many_is_404_and_no_redirect(
    roots: dict[str, str], client: httpx.Client, seen: list[Seen], path: str, method: str
) -> None:
    response = client.request(method, raw(roots["works"], path), headers=KEY)
    assert response.status_code == 404
    assert "location" not in response.headers
    assert shown(response)["code"] == "unknown_url"
    assert not seen


ODD = ("a%2Fb", "a%2F..%2Fb", "%00", "%0d%0a", "%ff", "%", "a%2", "..", "%E2%80%A8", "a;b=c", "%7Bmodel%7D")


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_path_parameter_goes_on_as_it_is_or_is_refused(
    roots: dict[str, str], client: httpx.Client, seen: list[Seen], odd: str
) -> None:
    response = client.get(raw(roots["works"], f"/v1/models/{odd}"), headers=KEY)
    assert response.status_code in {200, 400, 404}
    if response.status_code == 200:
        assert [request.target for request in seen] == [f"/v1/models/{odd}".encode()]
    else:
        shown(response)
        assert not seen


async def _buggy(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise RuntimeError("a bug")


async def _started_and_buggy(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": b"so", "more_body": True})
    raise RuntimeError("a late bug")


def test_a_bug_is_500_with_the_request_id_and_the_process_lives(
    upstream: tuple[Recorder, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.health.get_live", _buggy)
    with capture_logs() as logs, relay_over(upstream[1]) as root:
        response = httpx.get(f"{root}/live", headers={"x-request-id": "mine"})
        assert response.status_code == TABLE[InternalError].status == 500
        error = shown(response)
        assert error["message"].endswith("its id is mine")
        assert (error["type"], error["code"]) == ("server_error", "internal_error")
        assert "a bug" not in response.text
        assert httpx.get(f"{root}/health").status_code == 200
        until(lambda: any(log.get("path") == "/health" for log in logs))
    bugs = [log for log in logs if log["event"] == "bug"]
    assert [(log["request_id"], str(log["exc_info"])) for log in bugs] == [("mine", "a bug")]


def test_a_bug_after_the_first_byte_ends_the_answer_unfinished(
    upstream: tuple[Recorder, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.health.get_live", _started_and_buggy)
    with capture_logs() as logs, relay_over(upstream[1]) as root:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{root}/live")
        assert httpx.get(f"{root}/health").status_code == 200
        until(lambda: {"/live", "/health"} <= {log.get("path") for log in logs})
    said = [(log["status"], log["outcome"]) for log in logs if log.get("path") == "/live"]
    assert said == [(200, "aborted")]
    assert [str(log["exc_info"]) for log in logs if log["event"] == "bug"] == ["a late bug"]


PROGRAM = """
import handlers.health
from relay.commands import main

async def get_live(relay, scope, receive, send):
    local = relay.upstream_key.text, relay.settings.relay_key.get_secret_value(), "local-" + "canary"
    raise RuntimeError("a bug of the handler")

handlers.health.get_live = get_live
main()
"""


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_bug_is_logged_with_its_traceback_and_without_its_variables(tmp_path: Path, style: str) -> None:
    given = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY, "LOG_LEVEL": "debug", "LOG_FORMAT": style}
    with running_relay("serve", "--port", "0", directory=tmp_path, program=PROGRAM, **given) as running:
        response = httpx.get(f"{running.root}/live", headers={"x-request-id": "mine-too", **KEY})
        assert shown(response)["code"] == "internal_error"
        assert httpx.get(f"{running.root}/health").status_code == 200
        until(lambda: any("getRelayHealth" in line for line in running.lines))
    log = "\n".join(running.lines)
    for word in ("Traceback", "RuntimeError: a bug of the handler", "in get_live", "mine-too"):
        assert word in log
    assert not any(word in log for word in (REAL_KEY, RELAY_KEY, "local-canary"))
