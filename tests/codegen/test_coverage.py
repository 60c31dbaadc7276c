"""The coverage matrix of a small project, by what its contract and its evidence say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from codegen import coverage
from codegen.__main__ import main
from codegen.contract import Contract
from codegen.contract import load as load_contract
from codegen.errors import CodegenError
from tests.codegen.projects import GROUPS, action, write_project

EVIDENCE = {"getThing": ["openai-python", "check"]}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return load_contract(write_project(tmp_path_factory.mktemp("project"), groups=GROUPS) / "spec")


def rows(contract: Contract, evidence: dict[str, Any]) -> dict[str, Any]:
    operations: dict[str, Any] = coverage.matrix(contract, evidence)["operations"]
    return operations


def test_a_row_says_what_becomes_of_an_operation(contract: Contract) -> None:
    assert rows(contract, {})["create-thing"] == {
        "method": "POST",
        "path": "/v1/things",
        "group": "Things",
        "upstream": True,
        "alias_of": None,
        "served": "forwarded",
        "handler": None,
        "request_media_types": ["application/json"],
        "response_media_types": ["application/json", "text/event-stream"],
        "websocket": False,
        "streams": True,
        "body_model": "NewThing",
        "sandbox": False,
        "clients": [],
        "proxy": False,
        "actions": ["things"],
        "door": "/v1/actions/things",
        "without": None,
    }


def test_an_operation_of_the_relays_own_has_no_part_in_the_upstreams_totals(contract: Contract) -> None:
    made = coverage.matrix(contract, {"getState": ["check"]})
    own = made["operations"]["getState"]
    assert (own["upstream"], own["served"], own["handler"]) == (False, "handled", "state.get_state")
    assert (own["sandbox"], own["clients"]) == (None, ["check"])
    assert made["operations"]["createThingAction"]["alias_of"] == "create-thing"
    assert made["totals"]["all"] == len(made["operations"]) - 2 == 4
    assert made["totals"]["tested by check"] == 0


def test_what_was_answered_is_counted_by_client(contract: Contract) -> None:
    made = coverage.matrix(contract, {**EVIDENCE, "updateThing": ["check"]})
    assert made["operations"]["getThing"]["clients"] == ["openai-python", "check"]
    assert made["operations"]["getThing"]["sandbox"]
    assert not made["operations"]["searchThings"]["sandbox"]
    totals = made["totals"]
    assert totals == {
        "all": 4,
        "forwarded": 4,
        "handled": 0,
        "with a request body": 2,
        "with a body that is judged": 2,
        "that stream": 1,
        "that are WebSockets": 0,
        "answered by the sandbox": 2,
        "tested by contract": 0,
        "tested by openai-python": 1,
        "tested by openai-node": 0,
        "tested by check": 2,
        "open to the proxy": 0,
        "open to Actions": 1,
        "variants, by the query of their door": 0,
        "kept from Actions, for a reason": 1,
        "in no group yet": 2,
    }


def test_evidence_of_an_operation_that_is_gone_is_left_to_the_next_run(contract: Contract) -> None:
    assert rows(contract, {"gone": ["check"]}) == rows(contract, {})


@pytest.mark.parametrize("clients", [["nobody"], "check", [["check"]], None])
def test_evidence_of_no_known_client_is_refused(contract: Contract, clients: Any) -> None:
    with pytest.raises(CodegenError, match=r"tests/evidence.json: getThing: clients are a list of contract"):
        coverage.matrix(contract, {"getThing": clients})


def test_a_handler_and_a_variant_show_in_the_matrix(tmp_path: Path) -> None:
    handled = action("$.paths['/things'].post", update={"x-relay": {"handler": "state.get_state"}})
    other = {"operationId": "beta_get", "responses": {}}
    varied = action(
        "$.paths['/things/{thing_id}'].get", update={"x-relay": {"variants": {"beta=true": other}}}
    )
    made = rows(load_contract(write_project(tmp_path, handled, varied) / "spec"), {})
    assert (made["create-thing"]["served"], made["create-thing"]["upstream"]) == ("handled", True)
    assert made["beta_get"]["path"] == "/v1/things/{thing_id}?beta=true"


def test_a_websocket_shows_in_the_matrix(tmp_path: Path) -> None:
    opened = action("$.paths['/things/{thing_id}'].get", update={"x-relay": {"websocket": True}})
    made = coverage.matrix(load_contract(write_project(tmp_path, opened) / "spec"), {})
    assert made["totals"]["that are WebSockets"] == 1
    cells = re.search(r"\| getThing \|.*", coverage.page(made, ""))
    assert cells is not None
    assert cells[0].split(" | ")[3:5] == ["websocket", "websocket"]


def test_a_row_says_why_no_action_may_use_it_unless_it_is_no_operation_of_the_upstream(
    tmp_path: Path,
) -> None:
    other = {"operationId": "beta_get", "responses": {}}
    varied = action(
        "$.paths['/things/{thing_id}'].get", update={"x-relay": {"variants": {"beta=true": other}}}
    )
    made = rows(load_contract(write_project(tmp_path, varied, groups=GROUPS) / "spec"), {})
    said = {name: (row["actions"], row["door"], row["without"]) for name, row in made.items()}
    assert said == {
        "create-thing": (["things"], "/v1/actions/things", None),
        "createThingAction": ([], None, None),
        "getState": (["things"], "/state", None),
        "searchThings": ([], None, "It finds too much."),
        "getThing": ([], None, "in no group yet"),
        "updateThing": ([], None, "in no group yet"),
        "beta_get": ([], None, "a variant, by the query: beta=true at the door of it"),
    }


def test_without_groups_nothing_is_open_to_actions(tmp_path: Path) -> None:
    made = coverage.matrix(load_contract(write_project(tmp_path) / "spec"), {})
    assert made["totals"]["open to Actions"] == 0
    assert made["totals"]["in no group yet"] == made["totals"]["all"]


def test_the_page_has_totals_and_each_operation_once(contract: Contract) -> None:
    lines = coverage.page(coverage.matrix(contract, EVIDENCE), "<!-- made -->").splitlines()
    assert lines[0] == "<!-- made -->"
    assert "| all | 4 |" in lines
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## /things", "## Things", "## The relay's own operations, and other names"]
    request = "getThing | `GET /v1/things/{thing_id}` | forwarded"
    thing = f"| {request} |  |  | no |  | yes | openai-python, check | no |  | in no group yet |"
    assert lines.count(thing) == 1
    state = "| getState | `GET /state` | state.get_state |  |  | no |  |  |  | no | things | `/state` |"
    assert lines.index(state) > lines.index(headings[-1])
    names = [name for line in lines if (name := re.match(r"\| (\S+) \| `", line))]
    assert len(names) == 6


def test_missing_evidence_is_one_line_and_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_project(tmp_path)
    (root / "tests" / "evidence.json").unlink()
    assert main(["--root", str(root)]) == 2
    assert capsys.readouterr().err == "codegen: evidence.json: cannot be read: No such file or directory\n"


def test_a_change_of_the_evidence_is_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_project(tmp_path)
    assert main(["--root", str(root)]) == 0
    (root / "tests" / "evidence.json").write_text(json.dumps({}))
    assert main(["--root", str(root), "--check"]) == 1
    said = capsys.readouterr().err
    assert all(f"different: {name}" in said for name in ("COVERAGE.json", "COVERAGE.md", "MANIFEST.json"))
