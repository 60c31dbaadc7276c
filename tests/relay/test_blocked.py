"""Operations that an operator keeps from every client: 403 under every name, and nothing upstream."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from relay.app import create_app
from relay.setting_types import SettingsError
from relay.settings import Settings, load_settings
from tests.relay.wire import Answer, ask, dialled, request
from tests.servers import Recorder, Seen, exchange, relay_over

JSON = "content-type: application/json"


@pytest.fixture(scope="module")
def root_of(upstream: tuple[Recorder, str]) -> Iterator[Callable[[str | None], str]]:
    """The root of a relay with the given globs; None leaves the default."""
    with ExitStack() as stack:
        roots: dict[str | None, str] = {}

        def root(globs: str | None) -> str:
            if globs not in roots:
                given = {} if globs is None else {"relay_blocked_operations": globs}
                roots[globs] = stack.enter_context(relay_over(upstream[1], **given))
            return roots[globs]

        yield root


def assert_blocked(answer: Answer, seen: list[Seen]) -> None:
    assert answer.status == 403
    assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "operation_blocked")
    assert not seen


@pytest.mark.parametrize(
    ("globs", "method", "target"),
    [
        (None, "GET", "/v1/organization/users"),
        (None, "GET", "/v1/organization/users?limit=1"),
        (None, "HEAD", "/v1/organization/costs"),
        (None, "GET", "/v1/projects/p/api_keys"),
        (None, "GET", "/v1/organization"),
        (None, "GET", "/v1/organization/"),
        (None, "GET", "/v1/organization/what/comes/next"),
        (None, "PUT", "/v1/organization/users"),
        (None, "PATCH", "/v1/Organization/users"),
        (None, "GET", "/v1/ORGANIZATION"),
        (None, "GET", "/v1/organization%2Fusers"),
        (None, "GET", "/v1/organization%252Fusers"),
        (None, "GET", "/v1//organization/users"),
        (None, "GET", "/v1/%6Frganization/users"),
        (None, "GET", "/v1/organization%5Cusers"),
        (None, "OPTIONS", "/v1/projects/p"),
        (None, "GET", "/v1/organization;a/users"),
        (None, "GET", "/v1/;a/organization/users"),
        (None, "GET", "/v1/organization%3Fx"),
        (None, "GET", "/v1/organization%23x"),
        (None, "GET", "/v1/organization%20/users"),
        (None, "GET", "/v1/organization./users"),
        (None, "GET", "/v1/%EF%BD%8Frganization/users"),
        (None, "GET", "/v1/organization%EF%BC%8Fusers"),
        ("createThreadAndRun", "POST", "/v1/threads/Runs"),
        ("createThreadAndRun", "POST", "/v1/threads/runs%20"),
        ("/V1/files/*", "GET", "/v1/files/file-1"),
        ("listFiles", "GET", "/v1/files"),
        ("listFiles", "GET", "/v1/files/"),
        ("/files", "GET", "/v1/files"),
        ("/v1/files", "GET", "/v1/files"),
        ("/files/*/content", "GET", "/v1/files/file-1/content"),
        ("downloadFile", "GET", "/v1/files/file-1/content"),
        ("downloadFile", "GET", "/v1/files/file%2F1/content"),
        ("downloadFile", "GET", "/v1/files/file-1%2Fcontent"),
        ("/files/file-1", "DELETE", "/v1/files/file-1"),
        ("createImage", "POST", "/v1/images"),
        ("/images/generations", "POST", "/v1/images"),
        ("createResponse", "POST", "/v1/responses:stream"),
        ("createResponse", "POST", "/v1/responses?beta=true"),
        ("beta_createResponse", "POST", "/v1/responses?beta=true"),
        ("beta_createResponse", "POST", "/v1/responses?beta=%74rue"),
        ("beta_createResponse", "POST", "/v1/responses:stream?a&beta=true"),
        ("listVectorStores", "GET", "/vector_stores"),
        ("/vector_stores/*", "GET", "/vector_stores/vs_1"),
        ("list*,create*", "GET", "/v1/models"),
        ('["list[FM]*"]', "GET", "/v1/models"),
        ("/brand_new/*", "POST", "/v1/brand_new/thing"),
        ("*", "GET", "/v1/anything"),
        ("/health", "GET", "/v1/health"),
    ],
)
def test_what_is_blocked_is_blocked_under_every_name(
    root_of: Callable[[str | None], str], seen: list[Seen], globs: str | None, method: str, target: str
) -> None:
    answer = ask(root_of(globs), method, target)
    if method == "HEAD":
        assert (answer.status, answer.body, list(seen)) == (403, b"", [])
    else:
        assert_blocked(answer, seen)


@pytest.mark.parametrize(
    ("globs", "method", "target"),
    [
        (None, "GET", "/v1/models/organization"),
        (None, "GET", "/v1/organizations"),
        (None, "GET", "/v1/files"),
        ("", "GET", "/v1/organization/users"),
        ("", "GET", "/v1/projects/p/what/comes/next"),
        ("[]", "GET", "/v1/organization/users"),
        ("listFiles", "DELETE", "/v1/files/file-1"),
        ("/files", "GET", "/v1/files/file-1"),
        ("modifyThread", "POST", "/v1/threads/runs"),
        ("beta_createResponse", "POST", "/v1/responses:stream?beta=false"),
    ],
)
def test_what_is_not_blocked_goes_on(
    root_of: Callable[[str | None], str], seen: list[Seen], globs: str | None, method: str, target: str
) -> None:
    fields = (JSON,) if method == "POST" else ()
    assert (
        ask(root_of(globs), method, target, *fields, body=b'{"assistant_id": "a"}' if fields else b"").status
        == 200
    )
    assert len(seen) == 1


def test_a_variable_that_is_set_but_empty_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", str(tmp_path / ".env"))
    (tmp_path / ".env").write_text("RELAY_BLOCKED_OPERATIONS=\n")
    assert load_settings().relay_blocked_operations == []
    assert load_settings(relay_blocked_operations="/a").relay_blocked_operations == ["/a"]
    monkeypatch.setenv("RELAY_BLOCKED_OPERATIONS", "/files,listModels")
    assert load_settings().relay_blocked_operations == ["/files", "listModels"]


def test_a_blocked_request_is_answered_before_its_body_is_read(
    root_of: Callable[[str | None], str], seen: list[Seen]
) -> None:
    head = request("POST", "/v1/organization/invites", JSON, "content-length: 1000000")
    with dialled(root_of(None), head) as line:
        received = line.until(b"operation_blocked")
    assert received.startswith(b"HTTP/1.1 403 ")
    assert not seen


def test_who_has_no_key_is_told_nothing_of_what_is_blocked(root_of: Callable[[str | None], str]) -> None:
    answer = exchange(
        root_of(None), b"GET /v1/organization/users HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("glob", ["listfiles", "listFiels", "*FineTunng*", "files"])
def test_a_glob_over_ids_that_blocks_nothing_stops_the_start(glob: str) -> None:
    chosen = load_settings(relay_blocked_operations=glob)
    with pytest.raises(SettingsError, match=f"RELAY_BLOCKED_OPERATIONS='{re.escape(glob)}' is invalid"):
        create_app(chosen)


@pytest.mark.parametrize(
    "target", ["/v1/x/..;/organization/users", "/v1/x/%2e%2e;a/organization", "/v1/organization%c0%afusers"]
)
def test_what_hides_a_place_is_refused(
    root_of: Callable[[str | None], str], seen: list[Seen], target: str
) -> None:
    answer = ask(root_of(None), "GET", target)
    assert (answer.status, answer.error["code"]) == (400, "invalid_path")
    assert not seen
