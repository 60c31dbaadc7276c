"""The whole generator on a small project: what it writes, twice alike, and how it reports drift."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codegen import tables
from codegen.__main__ import drift, generate, main, write
from codegen.contract import Contract
from codegen.contract import load as load_contract
from tests.codegen.projects import DOCUMENT, GROUPS, action, write_project

FILES = {
    "COVERAGE.json",
    "COVERAGE.md",
    "MANIFEST.json",
    "__init__.py",
    "actions/things.json",
    "actions/things.tools.json",
    "bodies.py",
    "doors.py",
    "models.py",
    "openapi.json",
    "operations.py",
    "routing.json",
    "names.json",
    "tools.json",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_project(tmp_path_factory.mktemp("project"), groups=GROUPS)
    assert main(["--root", str(root)]) == 0
    return root


def run(source: str, project: Path) -> Any:
    """Run `source` in a fresh Python that sees the project's generated package; it prints JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import json\n{source}"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_folder_holds_what_the_design_names(project: Path) -> None:
    folder = project / "generated"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == FILES


def test_two_runs_give_the_same_bytes(project: Path) -> None:
    made = generate(project)
    assert drift(made, project / "generated") == []


def test_the_operation_table_has_a_typed_row_for_each_operation(project: Path) -> None:
    rows = run(
        "from dataclasses import asdict\nfrom generated.operations import OPERATIONS\n"
        "print(json.dumps({name: asdict(row) for name, row in OPERATIONS.items()}))",
        project,
    )
    names = {"create-thing", "createThingAction", "getThing", "updateThing", "searchThings", "getState"}
    assert set(rows) == names
    assert rows["create-thing"] == {
        "operation_id": "create-thing",
        "method": "POST",
        "path": "/v1/things",
        "upstream_path": "/things",
        "alias_of": None,
        "query": None,
        "variants": [],
        "handler": None,
        "beta": None,
        "request_media_types": ["application/json"],
        "response_media_types": ["application/json", "text/event-stream"],
        "streams": True,
        "ends": ["[DONE]"],
        "body_model": "NewThing",
        "judged_by_handler": False,
        "body_required": True,
        "tags": ["Things"],
        "public": False,
        "proxy": False,
        "websocket": False,
        "client_secret": False,
        "deprecated": False,
        "models": [],
    }
    assert rows["getThing"]["deprecated"]
    assert rows["getState"]["public"]
    assert rows["getState"]["handler"] == "state.get_state"


def test_the_models_judge_bodies(project: Path) -> None:
    verdicts = run(
        "from pydantic import TypeAdapter, ValidationError\nimport generated.models as models\n"
        "def fits(body):\n"
        "    try:\n        TypeAdapter(models.NewThing).validate_python(body, strict=True)\n"
        "    except ValidationError:\n        return False\n    return True\n"
        "good = {'name': 'x', 'kind': 'small', 'size': None, 'unknown': 1}\n"
        "print(json.dumps([fits(good), fits({**good, 'kind': 'odd'}), fits({**good, 'inner': {}})]))",
        project,
    )
    assert verdicts == [True, False, False]


def test_the_structure_of_each_body_is_in_a_table(project: Path) -> None:
    bodies = run(
        "from dataclasses import asdict\nfrom generated.bodies import BODIES\n"
        "print(json.dumps({name: asdict(body) for name, body in BODIES.items()}))",
        project,
    )
    assert bodies["UpdateThingBody"] == {"types": ["object"], "required": [], "fields": {"name": ["string"]}}
    assert bodies["NewThing"]["required"] == ["kind", "name"]
    assert bodies["NewThing"]["fields"]["size"] == ["integer", "null"]


def test_the_routing_document_is_slim_and_puts_literal_paths_first(project: Path) -> None:
    routing = json.loads((project / "generated" / "routing.json").read_bytes())
    assert routing["openapi"] == "3.0.3"
    things = ["/v1/things", "/v1/things/search", "/v1/things/{thing_id}"]
    assert list(routing["paths"]) == ["/state", "/v1/actions/things", *things]
    assert "schemas" not in routing["components"]
    assert routing["paths"]["/state"]["get"]["security"] == []


def test_every_generated_file_says_so(project: Path) -> None:
    manifest = json.loads((project / "generated" / "MANIFEST.json").read_bytes())
    assert set(manifest["outputs"]) == FILES - {"MANIFEST.json"}
    assert "spec/overlay.yaml" in manifest["inputs"]
    for name in manifest["outputs"]:
        head = (project / "generated" / name).read_text(encoding="utf-8")
        if name.endswith(".py"):
            assert head.startswith("# Generated by `make regen`")
        elif name.endswith(".md"):
            assert head.startswith("<!-- Generated by `make regen`")
        else:
            assert json.loads(head)["x-generated"] == "make regen"


def test_drift_is_reported_and_healed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_project(tmp_path, groups=GROUPS)
    assert main(["--root", str(root), "--check"]) == 1
    said = capsys.readouterr().err
    assert "missing: operations.py" in said
    assert "missing: actions/things.json" in said
    assert main(["--root", str(root)]) == 0
    table = root / "generated" / "operations.py"
    table.write_bytes(b"".join(table.read_bytes().splitlines(keepends=True)[:-2]))
    (root / "generated" / "stale.py").write_text("", encoding="utf-8")
    (root / "generated" / "actions" / "stale.json").write_text("", encoding="utf-8")
    (root / "generated" / "actions" / "things.json").write_text("{}", encoding="utf-8")
    (root / "generated" / "__pycache__").mkdir()
    (root / "generated" / "__pycache__" / "operations.pyc").write_bytes(b"")
    assert main(["--root", str(root), "--check"]) == 1
    said = capsys.readouterr().err
    assert "different: operations.py" in said
    assert "extra: stale.py" in said
    assert "extra: actions/stale.json" in said
    assert "different: actions/things.json" in said
    assert "pycache" not in said
    assert main(["--root", str(root)]) == 0
    assert main(["--root", str(root), "--check"]) == 0


def test_a_group_that_is_gone_takes_its_files_along(tmp_path: Path) -> None:
    write({"actions/things.json": b"{}", "routing.json": b"{}"}, tmp_path / "generated")
    write({"routing.json": b"{}"}, tmp_path / "generated")
    assert [path.name for path in tmp_path.rglob("*.json")] == ["routing.json"]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (action("$.nowhere", remove=True), "overlay.yaml:1: action 3, $.nowhere"),
        (
            action("$.paths['/things'].post", update={"x-relay": {"handler": "state.gone"}}),
            "create-thing: no async function 'gone'",
        ),
        (
            action("$.components.schemas.Kind", update={"default": 7}),
            "not listed there, but found",
        ),
    ],
)
def test_a_broken_input_is_one_line_exit_code_2_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: dict[str, Any], said: str
) -> None:
    root = write_project(tmp_path, broken)
    assert main(["--root", str(root)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (root / "generated").exists()


def test_the_version_falls_back_to_the_commit_and_to_the_source(tmp_path: Path) -> None:
    contract = load_contract(write_project(tmp_path) / "spec")
    for lock, version in (
        ({"date": None, "commit": "abc"}, "1.2.3+abc"),
        ({"date": None, "commit": None}, "1.2.3+" + "0" * 12),
    ):
        told = Contract(contract.document, contract.routes, {**contract.lock, **lock})
        assert tables.routing(told)["info"]["version"] == version


def test_the_small_document_is_left_alone(project: Path) -> None:
    vendored = json.loads((project / "spec" / "openai.json").read_bytes())
    assert vendored == DOCUMENT
