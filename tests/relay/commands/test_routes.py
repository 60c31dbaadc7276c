"""`relay routes` tells what a relay with the same settings does."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from generated.operations import OPERATIONS
from relay.actions.documents import groups
from relay.commands import main
from tests.relay.wire import ask
from tests.servers import Recorder, recording, relay_over

GLOBS = "listFiles,createImage,/models/*,/actions/skills,beta_getResponse,createThreadAndRun"


def routes(*arguments: str, **environment: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(main, ["routes", "--json", *arguments], env=environment)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_operation_is_a_route_once() -> None:
    assert sorted(row["operation"] for row in routes()) == sorted(OPERATIONS)


def test_what_is_blocked_is_refused_and_nothing_else_is() -> None:
    rows = routes(RELAY_BLOCKED_OPERATIONS=GLOBS)
    blocked = {row["operation"] for row in rows if row["blocked"]}
    assert {"listFiles", "listFilesAction", "createImage", "createImageShort", "listModels"} <= blocked
    with recording(Recorder()) as base, relay_over(base, relay_blocked_operations=GLOBS) as root:
        for row in rows:
            asked = row["path"].replace("{", "").replace("}", "")
            answer = ask(root, row["method"], asked, "content-type: text/odd", "content-length: 0")
            refused = answer.status == 403 and answer.error["code"] == "operation_blocked"
            assert refused == bool(row["blocked"]), row


def test_by_default_the_administration_is_blocked() -> None:
    paths = [row["path"] for row in routes() if row["blocked"]]
    assert paths == [path for path in paths if path.startswith(("/v1/organization", "/v1/projects"))]
    assert len(paths) > 100


def test_websockets_are_blocked_where_none_is_relayed() -> None:
    rows = routes("--path", "/realtime*", RELAY_REALTIME_WS_ENABLED="false")
    blocked = {row["operation"] for row in rows if row["blocked"] == "RELAY_REALTIME_WS_ENABLED"}
    assert blocked == {"connectRealtime", "connectRealtimeTranslation", "connectRealtimeSocket"}


@pytest.mark.parametrize("strength", ["off", "structural", "strict"])
def test_what_is_judged_is_refused_with_a_body_that_cannot_be_right(strength: str) -> None:
    rows = routes("createChatCompletion", "createFile", "cancelUpload", RELAY_VALIDATION=strength)
    with recording(Recorder()) as base, relay_over(base, relay_validation=strength) as root:
        for row in rows:
            if "application/json" not in OPERATIONS[row["operation"]].request_media_types:
                assert row["judged"] == ""
                continue
            answer = ask(root, row["method"], row["path"], "content-type: application/json", body=b"[]")
            assert (answer.status == 400) == (row["judged"] == strength) == (strength != "off")


def test_the_proxy_reaches_what_it_is_said_to_reach() -> None:
    reached = {row["operation"] for row in routes("--door", "proxy")}
    chosen = ["listModels", "listFiles", "createSpeech", "createUpload", "createEmbedding", "listBatches"]
    with recording(Recorder()) as base, relay_over(base) as root:
        for name in chosen:
            found = OPERATIONS[name]
            body = json.dumps({"method": found.method, "path": found.path}).encode()
            answer = ask(root, "POST", "/v1/proxy", "content-type: application/json", body=body)
            assert (answer.status == 403) == (name not in reached), name


def test_each_group_of_actions_has_its_operations_and_its_door_is_a_route() -> None:
    paths = {row["path"] for row in routes()}
    for group in groups():
        rows = routes("--door", group)
        assert rows
        doors = {door for row in rows for door in row["doors"] if door.startswith("/")}
        assert doors <= paths
    assert len(routes("--door", "any")) > len(routes("--door", "proxy"))


def test_filters_take_what_they_say() -> None:
    assert {row["path"].split("/")[2] for row in routes("--tag", "batch")} >= {"batches"}
    assert [row["operation"] for row in routes("--path", "/v1/files/*/content")] == ["downloadFile"]
    assert [row["operation"] for row in routes("listFiles")] == ["listFiles"]
    assert routes("--path", "/nothing") == []


def test_forwarded_and_handled_are_told_apart() -> None:
    for row in routes():
        assert row["served"].split(",")[0] == (OPERATIONS[row["operation"]].handler or "forwarded")


@pytest.mark.parametrize("arguments", [["nothing"], ["--tag", "nothing"], ["--door", "nothing"]])
def test_a_name_that_is_none_is_code_two(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, ["routes", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "'nothing'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_table_has_the_same_rows() -> None:
    done = CliRunner().invoke(main, ["routes", "--tag", "Files"])
    head, *rows = done.stdout.splitlines()
    assert head.split()[:4] == ["method", "path", "operation", "served"]
    assert [row.split()[2] for row in rows] == [row["operation"] for row in routes("--tag", "Files")]
