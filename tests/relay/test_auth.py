import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from generated.operations import OPERATIONS
from relay.app import create_app
from relay.setting_types import SettingsError
from relay.settings import load_settings
from tests.servers import REAL_KEY, Recorder, Seen, exchange, relay_over, until

KEYS = ("alpha-key", "beta-key")
MISSING = "Missing relay key"
INVALID = "Invalid relay key"
NOT_BEARER = "The Authorization header must be of the form: Bearer <relay key>"


@pytest.fixture(scope="module")
def guarded(upstream: tuple[Recorder, str]) -> Iterator[httpx.Client]:
    with (
        relay_over(upstream[1], relay_key=" , ".join(KEYS)) as root,
        httpx.Client(base_url=root, timeout=30) as client,
    ):
        yield client


def refused(response: httpx.Response, message: str) -> None:
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    fields = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
    assert response.json() == {"error": fields}


def path_of(operation: str) -> str:
    path = OPERATIONS[operation].path.replace("{document}", "default.json").replace("{name}", "logo.svg")
    return re.sub(r"\{[^}]+\}", "x", path)


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ({}, MISSING),
        ({"x-relay-key": ""}, MISSING),
        ({"authorization": ""}, MISSING),
        ({"authorization": "Bearer"}, MISSING),
        ({"x-relay-key": "wrong"}, INVALID),
        ({"x-relay-key": "alpha-ke"}, INVALID),
        ({"x-relay-key": "alpha-keyx"}, INVALID),
        ({"x-relay-key": "ALPHA-KEY"}, INVALID),
        ({"x-relay-key": "alpha-key , beta-key"}, INVALID),
        ({"x-relay-key": "Bearer alpha-key"}, INVALID),
        ({"authorization": "Bearer alpha"}, INVALID),
        ({"authorization": f"Bearer {REAL_KEY}"}, INVALID),
        ({"authorization": "Basic alpha-key"}, NOT_BEARER),
        ({"authorization": "alpha-key"}, NOT_BEARER),
        ({"authorization": "Bearer:alpha-key"}, NOT_BEARER),
        ({"authorization": "Basic alpha-key", "x-relay-key": "wrong"}, INVALID),
    ],
    ids=str,
)
def test_a_request_without_a_key_that_fits_is_refused(
    guarded: httpx.Client, seen: list[Seen], shown: dict[str, str], message: str
) -> None:
    refused(guarded.get("/v1/models", headers=shown), message)
    assert not seen


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "form", ["x-relay-key: {}", "authorization: Bearer {}", "authorization: bearer   {}"]
)
def test_either_header_opens_with_any_of_the_keys(
    guarded: httpx.Client, seen: list[Seen], key: str, form: str
) -> None:
    name, _, value = form.format(key).partition(": ")
    assert guarded.get("/v1/models", headers={name: value}).status_code == 200
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("relay_key", "authorization"),
    [("wrong", "Bearer alpha-key"), ("alpha-key", "Bearer wrong"), ("alpha-key", "Basic wrong")],
)
def test_one_right_header_opens_beside_a_wrong_one(
    guarded: httpx.Client, seen: list[Seen], relay_key: str, authorization: str
) -> None:
    shown = {"x-relay-key": relay_key, "authorization": authorization}
    assert guarded.get("/v1/models", headers=shown).status_code == 200
    assert [request.header(b"authorization") for request in seen] == [[f"Bearer {REAL_KEY}".encode()]]
    assert seen[0].header(b"x-relay-key") == []


@pytest.mark.parametrize("operation", [name for name, found in OPERATIONS.items() if not found.public])
def test_every_operation_that_is_not_public_needs_the_key(
    guarded: httpx.Client, seen: list[Seen], operation: str
) -> None:
    refused(guarded.request(OPERATIONS[operation].method, path_of(operation)), MISSING)
    assert not seen


@pytest.mark.usefixtures("actions_folder")
@pytest.mark.parametrize("operation", [name for name, found in OPERATIONS.items() if found.public])
def test_public_operations_need_no_key(guarded: httpx.Client, operation: str) -> None:
    assert guarded.get(path_of(operation)).status_code == 200
    assert guarded.get(path_of(operation), headers={"x-relay-key": "wrong"}).status_code == 200


PUBLIC = """
    / /health /v1/health /live /ready /manifest /v1/manifest /openapi.json /openapi.yaml /openapi.actions.json
    /openapi.actions.yaml /actions/groups/{document} /.well-known/ai-plugin.json /docs /static/{name}
"""
OF_ONES_OWN = """
    /actions/groups /actions/groups/{group}/tools.json /actions/ping /actions/relay_info /actions/system/info
    /metrics /v1/actions/ping /v1/actions/relay_info /v1/tools /v1/tools/{tool_id}
"""


def test_these_operations_are_public_and_no_others() -> None:
    public = {found.path for found in OPERATIONS.values() if found.public}
    assert public == set(PUBLIC.split())
    assert not any(found.upstream_path for found in OPERATIONS.values() if found.public)


def test_these_operations_of_the_relays_own_need_the_key() -> None:
    own = {found.path for found in OPERATIONS.values() if found.upstream_path is None}
    assert own - set(PUBLIC.split()) >= set(OF_ONES_OWN.split())


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1/nowhere", "/v1/models/", "/v1", "/health/x", "/v1//models"]
)
def test_unknown_paths_need_the_key_too(guarded: httpx.Client, seen: list[Seen], path: str) -> None:
    for method in ("GET", "POST", "PURGE"):
        refused(guarded.request(method, path, headers={"x-relay-key": "wrong"}), INVALID)
    assert not seen


@pytest.mark.parametrize("given", [{"relay_key": None}, {"relay_auth_enabled": False}], ids=str)
def test_with_auth_off_everybody_comes_in(
    upstream: tuple[Recorder, str], seen: list[Seen], given: dict[str, Any]
) -> None:
    with relay_over(upstream[1], **given) as root:
        assert httpx.get(f"{root}/v1/models").status_code == 200
        assert httpx.get(f"{root}/v1/models", headers={"authorization": "Basic x"}).status_code == 200
        assert httpx.get(f"{root}/nowhere").status_code == 404
    assert len(seen) == 2


def unsent(key: bytes, *fields: bytes) -> bytes:
    """A request that announces a body of which nothing is sent."""
    lines = (
        b"POST /v1/embeddings HTTP/1.1",
        b"Host: relay",
        b"Connection: close",
        b"Content-Type: application/json",
        b"X-Relay-Key: " + key,
        *fields,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"


@pytest.mark.parametrize("framing", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("expectation", [b"Expect: 100-continue", b"X-Nothing: expected"])
@pytest.mark.parametrize("key", [b"wrong", b"\xff\xfe", b"\xc3\xa9"])
def test_a_bad_key_is_refused_before_the_body_is_asked_for(
    guarded: httpx.Client, seen: list[Seen], framing: bytes, expectation: bytes, key: bytes
) -> None:
    answer = exchange(str(guarded.base_url).rstrip("/"), unsent(key, framing, expectation))
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in answer
    assert answer.count(b"HTTP/1.1") == 1
    assert key not in answer
    assert not seen


def test_a_good_key_is_told_to_continue(guarded: httpx.Client, seen: list[Seen]) -> None:
    body = b'{"model": "m", "input": "x"}'
    request = unsent(b"beta-key", b"Content-Length: %d" % len(body), b"Expect: 100-continue")
    with socket.create_connection((guarded.base_url.host, guarded.base_url.port or 0), 30) as connection:
        connection.sendall(request)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert [request.body for request in seen] == [body]


def status(root: str, key: str) -> int:
    return httpx.get(f"{root}/v1/models", headers={"x-relay-key": key}, timeout=30).status_code


def test_a_rotated_key_file_is_read_again(upstream: tuple[Recorder, str], tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("first\nshared\n")
    with relay_over(upstream[1], relay_key=None, relay_key_file=file) as root:
        assert [status(root, key) for key in ("first", "shared", "second", "")] == [200, 200, 401, 401]
        file.write_text("second,shared")
        until(lambda: status(root, "second") == 200)
        assert [status(root, key) for key in ("first", "shared", "second")] == [401, 200, 200]


@pytest.fixture
def quick_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key files are looked at more often than once a second."""
    monkeypatch.setattr("relay.auth._LOOK_AGAIN_SECONDS", 0.05)


@pytest.mark.usefixtures("quick_look")
@pytest.mark.parametrize("damage", ["deleted", "emptied", "blank", "not ASCII"])
def test_a_damaged_key_file_keeps_the_last_good_key(
    upstream: tuple[Recorder, str], tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "keys"
    file.write_text("first")
    with capture_logs() as logs, relay_over(upstream[1], relay_key=None, relay_key_file=file) as root:
        assert status(root, "first") == 200
        if damage == "deleted":
            file.unlink()
        else:
            file.write_bytes({"emptied": b"", "blank": b" \n", "not ASCII": "clé".encode()}[damage])
        until(lambda: status(root, "first") != 200 or any(log["log_level"] == "warning" for log in logs))
        assert [status(root, key) for key in ("first", "", "cl")] == [200, 401, 401]
        file.write_text("second")
        until(lambda: status(root, "second") == 200)
        assert status(root, "first") == 401
    assert any(log["event"] == "key file unusable" and log["file"] == "keys" for log in logs)
    assert "first" not in str(logs)


@pytest.mark.usefixtures("quick_look")
def test_a_rotated_real_key_goes_upstream(
    upstream: tuple[Recorder, str], seen: list[Seen], tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("sk-first\n")
    with relay_over(upstream[1], openai_api_key=None, openai_api_key_file=file, relay_key="k") as root:
        assert status(root, "k") == 200
        file.write_text("sk-second\n")
        until(lambda: status(root, "k") == 200 and seen[-1].header(b"authorization") == [b"Bearer sk-second"])
    assert seen[0].header(b"authorization") == [b"Bearer sk-first"]


@pytest.mark.usefixtures("quick_look")
@pytest.mark.parametrize("text", ["sk-two\nsk-lines", "sk-two words", "sk-\x7f"])
def test_a_real_key_that_no_header_can_carry_keeps_the_last_good_one(
    upstream: tuple[Recorder, str], seen: list[Seen], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "key"
    file.write_text("sk-first")
    given: dict[str, Any] = {"openai_api_key": None, "openai_api_key_file": file, "relay_key": "k"}
    with capture_logs() as logs, relay_over(upstream[1], **given) as root:
        file.write_text(text)
        until(lambda: status(root, "k") != 200 or any(log["log_level"] == "warning" for log in logs))
        assert status(root, "k") == 200
    assert {request.header(b"authorization")[0] for request in seen} == {b"Bearer sk-first"}
    assert text not in str(logs)


@pytest.mark.parametrize("field", ["relay_key_file", "openai_api_key_file"])
@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"], ids=str)
def test_a_key_file_that_cannot_be_used_stops_the_start(
    tmp_path: Path, field: str, content: bytes | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=f"^{field.upper()}='.*key' is invalid: allowed ") as caught:
        create_app(load_settings(**{field: file}))
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(SettingsError, match="Is a directory"):
        create_app(load_settings(**{field: tmp_path}))


@pytest.mark.parametrize("name", ["openai_api_key", "relay_key"])
def test_a_key_and_a_file_of_keys_are_refused_together(tmp_path: Path, name: str) -> None:
    (tmp_path / "key").write_text("sk-good")
    with pytest.raises(
        SettingsError, match=rf"^{name.upper()}=\(hidden\) is invalid beside {name.upper()}_FILE"
    ):
        create_app(load_settings(**{name: "sk-other", f"{name}_file": tmp_path / "key"}))
