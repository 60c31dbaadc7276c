"""Doors: which operations have one, where it is, and what it takes and gives."""

import copy
from pathlib import Path
from typing import Any

import pytest

from codegen import contract
from codegen.bodies import Schemas
from codegen.contract import Contract, Route
from codegen.errors import CodegenError
from codegen.tables import doors, facts_of
from tests.codegen.projects import DOCUMENT, action, write_project

BINARY = {"type": "string", "format": "binary"}
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["sound", "model"],
    "properties": {
        "model": {"anyOf": [{"type": "string"}, {"type": "string", "enum": ["small", "large"]}]},
        "pictures": {"anyOf": [BINARY, {"type": "array", "maxItems": 3, "items": BINARY}]},
        "sound": {"oneOf": [BINARY, {"type": "object", "properties": {"id": {"type": "string"}}}]},
        "stream": {"type": "boolean"},
    },
}
COMPONENTS = {"ActionFile", "ActionFileReference", "ActionFileReferences", "ActionFiles"}


def document() -> dict[str, Any]:
    made = copy.deepcopy(DOCUMENT)
    made["paths"]["/sounds/{sound_id}"] = {
        "parameters": [{"name": "sound_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "post": {
            "operationId": "change-sound",
            "requestBody": {"content": {"multipart/form-data": {"schema": FORM}}},
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {}, "text/event-stream": {}}}
            },
        },
        "get": {
            "operationId": "getSound",
            "responses": {
                "200": {"description": "OK", "content": {"audio/mpeg": {"schema": BINARY}}},
                "4XX": {"description": "Refused"},
            },
        },
        "delete": {"operationId": "deleteSound", "responses": {"200": {"description": "OK"}}},
        "put": {
            "operationId": "answerSound",
            "requestBody": {"content": {"application/sdp": {"schema": {"type": "string"}}}},
            "responses": {"200": {"description": "OK"}},
        },
    }
    made["components"]["schemas"] |= {name: {"type": "object"} for name in COMPONENTS}
    return made


def marked(method: str, **said: Any) -> dict[str, Any]:
    target = f"$.paths['/sounds/{{sound_id}}'].{method}"
    return action(
        target, update={"x-relay": {"door": said, "ends": []} if method == "post" else {"door": said}}
    )


def made(root: Path, *actions: dict[str, Any]) -> Contract:
    ends = action("$.paths['/sounds/{sound_id}'].post", update={"x-relay": {"ends": []}})
    return contract.load(write_project(root, ends, *actions, document=document()) / "spec")


def door(found: Contract, name: str) -> Route:
    (route,) = [route for route in found.routes if route.operation_id == name]
    return route


def body(route: Route) -> dict[str, Any]:
    schema: dict[str, Any] = route.operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def test_without_a_mark_there_is_none(tmp_path: Path) -> None:
    assert not [route for route in made(tmp_path).routes if "/actions/" in route.path]


def test_a_form_has_a_door_that_takes_files_in_json(tmp_path: Path) -> None:
    route = door(made(tmp_path, marked("post")), "changeSoundAction")
    assert (route.path, route.method) == ("/v1/actions/sounds/{sound_id}", "post")
    assert (route.upstream_path, route.alias_of) == ("/sounds/{sound_id}", "change-sound")
    schema = body(route)
    assert schema["unevaluatedProperties"] is False
    assert schema["required"] == ["model"]
    assert list(schema["properties"]) == ["model", "stream", "sound", "pictures", "openaiFileIdRefs"]
    assert schema["properties"]["sound"]["anyOf"][-1] == {
        "type": "object",
        "properties": {"id": {"type": "string"}},
    }
    assert [part.get("maxItems") for part in schema["properties"]["pictures"]["anyOf"]] == [
        None,
        None,
        None,
        3,
    ]
    assert list(route.operation["responses"]["200"]["content"]) == ["application/json"]
    first, second = route.relay["door"]["files"]
    assert (first["name"], first["required"], first["several"], first["others"]) == (
        "sound",
        True,
        False,
        True,
    )
    assert (second["name"], second["required"], second["several"], second["others"]) == (
        "pictures",
        False,
        True,
        False,
    )
    assert facts_of(route)["body_model"] is None


def test_the_overlay_shapes_a_door(tmp_path: Path) -> None:
    files = {
        "sound": {
            "base64": ["data"],
            "url": ["sound_url"],
            "flat": True,
            "media_types": ["image/png"],
            "mib": 3,
        },
        "pictures": {"one": True},
    }
    said = {"path": "/actions/noise/{sound_id}", "enums": ["model"], "fields": {"loud": {"type": "boolean"}}}
    route = door(made(tmp_path, marked("post", **said, files=files)), "changeSoundAction")
    assert route.path == "/v1/actions/noise/{sound_id}"
    properties = body(route)["properties"]
    names = {
        "model",
        "stream",
        "loud",
        "data",
        "sound_url",
        "filename",
        "mime_type",
        "pictures",
        "openaiFileIdRefs",
    }
    assert set(properties) == names
    assert properties["model"]["enum"] == ["small", "large"]
    first, second = route.relay["door"]["files"]
    assert (first["member"], first["base64"], first["url"]) == (False, ("data",), ("sound_url",))
    assert (first["media_types"], first["max_bytes"]) == (("image/png",), 3 * 1024 * 1024)
    assert not second["several"]


def test_an_answer_that_is_a_file_comes_in_json(tmp_path: Path) -> None:
    route = door(made(tmp_path, marked("get")), "getSoundAction")
    assert "requestBody" not in route.operation
    content = route.operation["responses"]["200"]["content"]
    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/ActionFiles"}}}
    assert route.operation["responses"]["4XX"] == {"description": "Refused"}
    assert route.relay["door"]["file"]


def test_words_open_a_hidden_door_that_takes_the_very_body(tmp_path: Path) -> None:
    words = action(
        "$", update={"x-relay-actions": {"operations": {"create-thing": "Make one."}, "narrowing": ["size"]}}
    )
    found = made(tmp_path, words)
    route = door(found, "createThingAction")
    assert route.hidden
    assert route.path not in found.document["paths"]
    assert body(route) == {"$ref": "#/components/schemas/NewThing"}
    assert facts_of(route)["body_model"] == "NewThing"
    table = doors(found, Schemas(found))
    assert '"size",' in table.replace("'", '"').replace('("size",)', '"size",')


def test_a_strict_door_knows_every_field(tmp_path: Path) -> None:
    said = action("$.paths['/things'].post", update={"x-relay": {"door": {"strict": True}}})
    route = door(made(tmp_path, said), "createThingAction")
    assert body(route)["unevaluatedProperties"] is False
    assert set(body(route)["properties"]) == set(DOCUMENT["components"]["schemas"]["NewThing"]["properties"])


def test_an_operation_without_a_body_has_a_door_without_one(tmp_path: Path) -> None:
    route = door(made(tmp_path, marked("delete")), "deleteSoundAction")
    assert "requestBody" not in route.operation
    assert not route.relay["door"]["strict"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (marked("put"), "answerSound: its body is neither JSON nor a form with files"),
        (marked("get", colour="red"), "x-relay: door: unknown keys ['colour']"),
        (marked("post", files={"sound": {"size": 1}}), "x-relay: door: unknown keys ['size']"),
        (marked("post", files={"sond": {"mib": 1}}), "door: files: the form has no 'sond'"),
        (marked("post", enums=["mode"]), "door: enums: the form has no 'mode'"),
        (
            marked("post", files={"sound": {"media_types": ["a/b"]}}),
            "the relay cannot tell 'a/b' by its beginning",
        ),
        (marked("post", files=[]), "door is an object, and so is each of its files"),
        (action("$.paths['/things'].post", update={"x-relay": {"door": True}}), "door is an object"),
    ],
)
def test_a_door_that_cannot_be_stops(tmp_path: Path, wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(CodegenError) as caught:
        made(tmp_path, wrong)
    assert reason in str(caught.value)
