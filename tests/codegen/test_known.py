"""The models that a body names, read from the contract where the overlay wants them known."""

from pathlib import Path
from typing import Any

import pytest

from codegen import contract, files, known
from codegen.errors import CodegenError
from generated.operations import OPERATIONS
from tests.codegen.projects import DOCUMENT, action, write_project
from tests.servers import PROJECT

BODY = "$.components.schemas.NewThing.properties"
CREATE = "$.paths['/things'].post"
WANTED = action(CREATE, update={"x-relay": {"models": True}})


def models(root: Path, *actions: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    loaded = contract.load(write_project(root, *actions, document=DOCUMENT) / "spec")
    components = loaded.document["components"]["schemas"]
    return {route.operation_id: known.models(route, components) for route in loaded.routes}


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "string", "enum": ["b", "a"]}, ("b", "a")),
        ({"anyOf": [{"type": "string"}, {"enum": ["a", "b"]}, {"const": "c"}]}, ("a", "b", "c")),
        ({"anyOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, ("a", "b", "c")),
        ({"$ref": "#/components/schemas/Kind"}, ("small", "large")),
        ({"oneOf": [{"allOf": [{"$ref": "#/components/schemas/Kind"}]}]}, ("small", "large")),
    ],
)
def test_named_models_are_found_wherever_they_stand(
    tmp_path: Path, schema: dict[str, Any], named: tuple[str, ...]
) -> None:
    found = models(tmp_path, action(BODY, update={"model": schema}), WANTED)
    assert found.pop("create-thing") == named
    assert not any(found.values())


def test_they_are_known_only_where_the_overlay_wants_them(tmp_path: Path) -> None:
    assert not any(models(tmp_path, action(BODY, update={"model": {"enum": ["a"]}})).values())


@pytest.mark.parametrize("schema", [None, {"type": "string"}, {"anyOf": [{"type": "string"}]}])
def test_a_body_that_names_none_stops(tmp_path: Path, schema: dict[str, Any] | None) -> None:
    given = [action(BODY, update={"model": schema})] if schema else []
    with pytest.raises(CodegenError, match="create-thing: x-relay: models: its body has no field 'model'"):
        models(tmp_path, *given, WANTED)


def test_an_operation_without_a_body_stops(tmp_path: Path) -> None:
    wanted = action("$.paths['/things/search'].get", update={"x-relay": {"models": True}})
    with pytest.raises(CodegenError, match="searchThings: x-relay: models"):
        models(tmp_path, wanted)


def test_a_session_has_the_models_that_openai_names_for_realtime() -> None:
    document = files.load(PROJECT / "spec" / "openai.json")
    schemas = document["components"]["schemas"]
    [_, named] = schemas["RealtimeSessionCreateRequestGA"]["properties"]["model"]["anyOf"]
    assert list(OPERATIONS["create-realtime-session"].models) == named["enum"]
    assert "gpt-realtime" in named["enum"]
    assert [name for name, row in OPERATIONS.items() if row.models] == ["create-realtime-session"]
