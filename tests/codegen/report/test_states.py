"""The vendored document against states made from it by known surgery, in a copy of this project."""

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen import __main__ as generator
from codegen import contract, vendor
from codegen.errors import CodegenError
from codegen.files import dump_json
from codegen.grammar import METHODS
from codegen.report.compare import compare
from codegen.report.project import Report, report
from tests.codegen.projects import DOCUMENT, write_project
from tests.codegen.report.states import NEW_OPERATIONS, ROOT, Document, older, vendored, without

JSON = Any
OVERLAYS = contract._OVERLAYS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What of this project the report reads."""
    for name in ("spec", "handlers", "sandbox"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def vendor_into(project: Path, document: Document) -> None:
    (project / "source.json").write_bytes(dump_json(document))
    arguments = ["--source", str(project / "source.json"), "--spec-dir", str(project / "spec")]
    assert vendor.main([*arguments, "--date", "2027-01-01"]) == 0


def written(project: Path) -> Document:
    made: Document = json.loads((project / "build" / "upstream-report.json").read_bytes())
    return made


def test_the_newer_state_is_reported_and_the_report_stands(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "spec" / "openai.json").write_bytes(dump_json(older()))
    vendor_into(project, vendored())
    said, made = capsys.readouterr().out, written(project)
    named = {(method, path) for method, path in (row["operation"].split() for row in made["new_operations"])}
    assert named == NEW_OPERATIONS
    assert all(f"new: {method} {path}, forwarded; not yet in" in said for method, path in NEW_OPERATIONS)
    changes = {(one["where"], one["place"], one["subject"], one["what"]): one for one in made["changes"]}
    for place, breaks in {
        ("schema Model", "shutdown_date", "field", "added"): [],
        ("schema ServiceTierEnum", "", "values", "added"): [],
        ("schema ResponseStreamEvent", "", "event", "added"): [],
        ("schema ProjectCreateRequest", "geography", "field", "removed"): ["clients"],
    }.items():
        assert changes[place]["breaks"] == breaks
    assert made["errors"] == []
    before = {path.name: path.read_bytes() for path in (project / "build").iterdir()}
    assert sorted(before) == ["upstream-report.json", "upstream-report.md"]
    vendor_into(project, vendored())
    assert "the same facts as before: the last report stands" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in (project / "build").iterdir()} == before


def test_the_way_back_names_what_goes_as_breaking() -> None:
    changes = compare(vendored(), older()).changes
    removed = {one.where for one in changes if one.subject == "operation" and one.what == "removed"}
    assert removed - {"webhook live_call_incoming"} == {f"{method} {path}" for method, path in NEW_OPERATIONS}
    places = {(one.where, one.place, one.subject, one.what): one.breaking for one in changes}
    assert places["schema Model", "shutdown_date", "field", "removed"]
    assert places["schema ServiceTierEnum", "", "values", "removed"]
    assert places["schema ResponseStreamEvent", "", "event", "removed"]
    assert not places["schema ProjectCreateRequest", "geography", "field", "added"]
    assert all(one.breaking for one in changes if one.subject == "operation")


def test_new_media_types_are_vendored_reported_and_in_the_generated_table(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    document = json.loads(json.dumps(DOCUMENT))
    operation = document["paths"]["/things"]["post"]
    operation["requestBody"]["content"]["application/new"] = {"schema": {"type": "string"}}
    operation["responses"]["200"]["content"]["Application/Newer"] = {}
    vendor_into(root, document)
    assert written(root)["new_media_types"] == ["application/new", "application/newer"]
    assert generator.main(["--root", str(root)]) == 0
    tree = ast.parse((root / "generated" / "operations.py").read_text())
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert "application/new" in words
    assert "getThing" in words


def some(document: Document, count: int) -> set[tuple[str, str]]:
    """Operations of many families: each sixth one."""
    named = [
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]
    return set(named[:: len(named) // count][:count])


def _actions(project: Path) -> dict[str, list[JSON]]:
    return {name: yaml.safe_load((project / "spec" / name).read_text())["actions"] for name in OVERLAYS}


def test_a_state_that_lacks_46_operations_names_every_action_that_breaks(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = some(vendored(), 46)
    left = without(vendored(), gone)
    vendor_into(project, left)
    capsys.readouterr()
    made = written(project)
    assert {one["where"] for one in made["changes"] if one["what"] == "removed" and one["breaks"]} >= {
        f"{method} {path}" for method, path in gone
    }
    assert generator.main(["--root", str(project)]) == 2
    unfit = [line for line in made["errors"] if ": action " in line]
    assert capsys.readouterr().err.splitlines() == [f"codegen: {line}" for line in unfit]
    assert not (project / "generated").exists()

    actions, broken = _actions(project), set()
    for line in unfit:
        place, said, _ = line.split(": ", 2)
        path, at = place.rsplit(":", 1)
        index = int(said.split(",")[0].removeprefix("action "))
        name = Path(path).name
        target = actions[name][index - 1]["target"]
        assert Path(path).read_text().splitlines()[int(at) - 1].startswith("  - target:")
        assert f"action {index}, {target}: " in line or " in its target selects nothing" in line
        broken.add((name, index))
    paths = {path for _, path in gone} - left["paths"].keys()
    assert broken >= {
        (name, number)
        for name, listed in actions.items()
        for number, action in enumerate(listed, start=1)
        if any(f"'{path}'" in action["target"] for path in paths)
    }
    assert {tuple(one["breaks"]) for one in made["changes"] if one["where"] == "POST /responses/compact"} == {
        ("clients", "relay")
    }


def test_paths_of_the_relays_own_are_not_taken_by_the_upstream(project: Path) -> None:
    """Whatever the method: what stands beside the relay's own operation would be one of its own."""
    theirs = {
        "/health": {"get": "their-health"},
        "/actions/ping": {"post": "their-ping"},
        "/images": {"post": "their-images"},
        "/realtime/ws": {"get": "their-socket"},
    }
    document = vendored()
    for path, methods in theirs.items():
        document["paths"][path] = {
            method: {"operationId": name, "responses": {}} for method, name in methods.items()
        }
    (project / "spec" / "openai.json").write_bytes(dump_json(document))
    with pytest.raises(CodegenError) as caught:
        contract.load(project / "spec")
    for path in theirs:
        assert any(f"['{path}']" in line and "is there already" in line for line in caught.value.lines), path
    assert any("'their-images' in place of 'createImageShort'" in line for line in caught.value.lines)


def test_a_path_that_is_mounted_on_one_of_the_relays_own_stops_and_names_both(project: Path) -> None:
    document = vendored()
    document["paths"]["/proxy"] = {"post": {"operationId": "their-proxy", "responses": {}}}
    (project / "spec" / "openai.json").write_bytes(dump_json(document))
    with pytest.raises(CodegenError) as caught:
        contract.load(project / "spec")
    assert "POST /v1/proxy (their-proxy)" in str(caught.value)
    assert "collides with" in str(caught.value)
    assert str(caught.value).count("POST /v1/proxy (") == 2


def test_a_renamed_schema_that_an_overlay_targets_breaks_the_relay_and_no_client(project: Path) -> None:
    text = json.dumps(vendored())
    for name in ("ContainerResource", "Model"):
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{name}Renamed"')
    document = json.loads(text)
    schemas = document["components"]["schemas"]
    for name in ("ContainerResource", "Model"):
        schemas[f"{name}Renamed"] = schemas.pop(name)
    (project / "spec" / "openai.json").write_bytes(dump_json(document))
    made: Report = report(vendored(), document, ("old", "new"), project)
    assert {(one.change.where, one.change.detail): one.breaks for one in made.told} == {
        ("schema ContainerResourceRenamed", "ContainerResource → ContainerResourceRenamed"): ("relay",),
        ("schema ModelRenamed", "Model → ModelRenamed"): (),
    }
    assert {line.split(", ")[1].split(": ")[0] for line in made.errors} >= {
        "$.components.schemas.ContainerResource.required[*]",
        "$.components.schemas.ContainerResource.required",
    }


def test_a_document_without_shared_responses_still_takes_the_overlays(project: Path) -> None:
    # OpenAI's document had none before 2026-08.
    document = vendored()
    del document["components"]["responses"]
    for item in document["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            operation["responses"].pop("429", None)
    vendor_into(project, document)
    assert contract.attempt(project / "spec")[1] == []
