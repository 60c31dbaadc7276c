"""Every method of OpenAI's Node library, straight to a sandbox and through the relay: no difference."""

import json
from collections import defaultdict
from typing import Any

import pytest

from sandbox.server import SandboxServer
from tests.evidence import record
from tests.parity.npm import NODE, installed, run
from tests.servers import RELAY_KEY, relay_over
from tests.surface.contract import UPSTREAM
from tests.told import tell

# OpenAI's own models cannot be deleted.
WITHOUT_SUCCESS = {"deleteModel"}

Line = dict[str, Any]


def table(lines: list[Line]) -> str:
    """Every method with the statuses of its requests, a line for each resource."""
    resources: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        if "made" not in line:
            resource, _, method = line.get("method", "").rpartition(".")
            resources[resource or "scenes"].append(f"{method or line['scene']} {said(line)}")
    return "\n".join(f"{resource}: {', '.join(methods)}" for resource, methods in resources.items())


def said(line: Line) -> str:
    if line["differences"]:
        return "DIFFERS"
    return line.get("reason") or " ".join(str(exchange["status"]) for exchange in line["exchanges"])


@pytest.fixture(scope="session")
def lines(request: pytest.FixtureRequest) -> list[Line]:
    """What the script said of each method and scene."""
    installed()
    with (
        SandboxServer() as straight,
        SandboxServer() as behind,
        relay_over(behind.base_url, relay_blocked_operations=[]) as root,
    ):
        said = run("node", "parity.mjs", straight.base_url, f"{root}/v1", RELAY_KEY)
    found = [json.loads(line) for line in said.splitlines()]
    for exchange in (exchange for line in found for exchange in line["exchanges"]):
        if exchange.get("operation"):
            record(exchange["operation"], "openai-node", exchange["status"])
    tell(request.config, "OpenAI's Node library, straight and through the relay", table(found))
    return found


def test_every_method_is_called_or_has_a_reason(lines: list[Line]) -> None:
    """Each name that the client's resources have: a request was made, or the script says why none can be."""
    methods = [line for line in lines if "method" in line and "made" not in line]
    assert len(methods) > 400
    assert not [line["method"] for line in methods if not line["exchanges"] and not line.get("reason")]
    assert len([line for line in methods if line.get("reason")]) <= 3


def test_the_client_sees_no_difference(lines: list[Line]) -> None:
    """Requests, statuses, fields, bytes, results, events and errors."""
    found = [
        f"{line.get('method') or line['scene']}{line.get('made', '')}: {'; '.join(line['differences'])}"
        for line in lines
        if line["differences"]
    ]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_nearly_every_operation_is_answered_with_success(lines: list[Line]) -> None:
    """Where all is refused on both ways there is no difference either."""
    exchanges = [exchange for line in lines for exchange in line["exchanges"] if "operation" in exchange]
    succeeded = {exchange["operation"] for exchange in exchanges if exchange["status"] < 300}
    called = {exchange["operation"] for exchange in exchanges}
    # The library lacks eight operations of the contract, or calls them by another path.
    assert len(called) >= len(UPSTREAM) - 8
    assert called - succeeded <= WITHOUT_SUCCESS


def test_what_is_done_beyond_plain_calls_succeeds(lines: list[Line]) -> None:
    scenes = [line for line in lines if "scene" in line and "expected" not in line]
    assert len(scenes) >= 17
    assert not {line["scene"]: line["error"] for line in scenes if line.get("error")}


def test_errors_are_the_librarys_own(lines: list[Line]) -> None:
    """An error shape that the library did not know would be a plain APIError."""
    expected = {line["expected"]: line.get("error") for line in lines if "expected" in line}
    assert {"NotFoundError", "BadRequestError", "AuthenticationError"} <= set(expected)
    assert all(error == name for name, error in expected.items())


def test_the_lock_file_names_no_registry() -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        assert "://" not in (NODE / name).read_text()
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    assert all("integrity" in package for place, package in packages.items() if place)
