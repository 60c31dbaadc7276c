"""The document of a group, from a small contract, and what stops its compiler."""

from typing import Any

import pytest

from codegen.actions import limits
from codegen.actions.document import SERVER, documents, operation_name
from codegen.contract import Contract
from codegen.errors import CodegenError
from tests.codegen.actions.contracts import (
    ACTIONS,
    GROUP,
    PATH,
    SCHEMAS,
    answer,
    body,
    compiled,
    contract,
    door,
    reference,
    route,
    routes,
)

TEXT = {"type": "string"}
DOCUMENT = compiled()


def only(operation: str, *more: Any, **parts: Any) -> dict[str, Any]:
    """The one operation of a group of one, `more` being routes besides."""
    words = {**ACTIONS["operations"], operation: "Do it."}
    groups = {"one": {**GROUP, "operations": [operation]}}
    made = documents(contract(*more, groups=groups, operations=words, **parts))["one"]
    [item] = made["paths"].values()
    [found] = item.values()
    return dict(found)


def with_body(schema: Any, name: str = "oddPost") -> list[Any]:
    original = route(name, "post", "/odd", schema)
    return [original, door(original)]


def test_a_field_is_told_as_an_object_where_the_overlay_wants_it() -> None:
    choice = {"anyOf": [TEXT, {"type": "object", "properties": {"id": TEXT}}]}
    body = {"type": "object", "properties": {"a": choice, "b": choice}}
    made = only("oddPost", *with_body(body), objects=["oddPost.a"])
    fields = made["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert fields == {"a": {"type": "object", "properties": {"id": TEXT}}, "b": TEXT}


def test_a_body_that_holds_nothing_is_none() -> None:
    assert "requestBody" not in only(
        "oddPost", *with_body({"type": "object", "unevaluatedProperties": False})
    )
    assert "requestBody" in only("oddPost", *with_body({"type": "object"}))


def test_each_group_is_a_document() -> None:
    assert list(documents(contract())) == ["things"]
    assert documents(contract(actions={})) == {}


def test_a_document_names_its_server_and_its_one_key() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["info"] == {
        "title": "Things",
        "description": "Make things and look at them.",
        "version": "1.2.3+2026-01-02",
    }
    assert DOCUMENT["servers"] == [{"url": SERVER}]
    assert DOCUMENT["security"] == [{"RelayKey": []}]
    assert DOCUMENT["components"] == {
        "schemas": {},
        "securitySchemes": {"RelayKey": {"type": "apiKey", "in": "header", "name": "X-Relay-Key"}},
    }


def test_a_document_has_the_doors_of_its_operations() -> None:
    assert {(path, method) for path, item in DOCUMENT["paths"].items() for method in item} == {
        ("/v1/actions/things", "post"),
        ("/v1/actions/things/{thing_id}", "get"),
        ("/v1/actions/things/{thing_id}", "delete"),
        ("/v1/actions/things/upload", "post"),
        ("/info", "get"),
    }


def test_an_operation_is_told_in_our_words() -> None:
    assert DOCUMENT["paths"]["/v1/actions/things"]["post"] == {
        "operationId": "createThing",
        "summary": "Make a thing.",
        "x-openai-isConsequential": False,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "name": {**TEXT, "description": "A name."},
                            "inner": {"type": "object", "properties": {}, "additionalProperties": True},
                        },
                        "required": ["name"],
                    }
                }
            },
        },
        "responses": {
            "200": {
                "description": "The result.",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "id": TEXT,
                                "made": {"type": "object", "properties": {}, "additionalProperties": True},
                            },
                        }
                    }
                },
            }
        },
    }


def test_parameters_have_words_and_places() -> None:
    assert DOCUMENT["paths"]["/v1/actions/things/{thing_id}"]["get"]["parameters"] == [
        {"name": "thing_id", "in": "path", "required": True, "schema": TEXT},
        {
            "name": "limit",
            "in": "query",
            "description": "How many.",
            "required": False,
            "schema": {"type": "integer", "default": 20},
        },
    ]


def test_what_no_model_can_write_into_a_query_is_left_out() -> None:
    names = {"include[]": TEXT, "metadata": {"type": "object"}, "stream": {"type": "boolean"}, "kind": TEXT}
    query: list[Any] = [{"name": name, "in": "query", "schema": schema} for name, schema in names.items()]
    query += [{"name": "listed", "in": "query", "schema": {"type": "array", "items": TEXT}}]
    query += [{"name": name, "in": name, "schema": TEXT} for name in ("header", "cookie")]
    original = route("oddGet", "get", "/odd", parameters=query)
    made = only("oddGet", original, door(original))
    assert [parameter["name"] for parameter in made["parameters"]] == ["kind", "listed"]


def test_what_changes_something_asks_unless_it_is_harmless() -> None:
    asks = {
        operation["operationId"]: operation["x-openai-isConsequential"]
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
    }
    assert asks == {
        "createThing": False,
        "getThing": False,
        "deleteThing": True,
        "uploadThing": True,
        "getInfo": False,
    }


def test_files_go_in_and_come_out_as_chatgpt_has_them() -> None:
    upload = DOCUMENT["paths"]["/v1/actions/things/upload"]["post"]
    taken = upload["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert taken["openaiFileIdRefs"] == {"type": "array", "items": TEXT, "description": "The file, one."}
    assert taken["name"]["description"] == "Its name."
    given = upload["responses"]["200"]
    assert given["description"] == "The files."
    fields = given["content"]["application/json"]["schema"]["properties"]
    assert fields["openaiFileResponse"] == {
        "type": "array",
        "items": {"type": "object", "properties": dict.fromkeys(("name", "mime_type", "content"), TEXT)},
        "description": "The file.",
    }


def test_files_that_a_door_takes_out_of_an_answer_are_told_beside_it() -> None:
    original = route("oddPost", "post", "/odd", {}, responses=answer(reference("Thing")))
    made = only("oddPost", original, door(original, encoded="data"))["responses"]["200"]
    assert made["description"] == "The result."
    fields = made["content"]["application/json"]["schema"]["properties"]
    assert fields.keys() == {"id", "made", "openaiFileResponse"}


@pytest.mark.parametrize(
    ("responses", "fields", "words"),
    [
        ({"204": {"description": "Gone"}}, {}, "The result."),
        (answer({"properties": {"data": {"type": "array"}}}), {"data"}, "A page of the list."),
        ({"201": answer(reference("Thing"))["200"], "400": {}}, {"id", "made"}, "The result."),
    ],
)
def test_there_is_one_answer(responses: Any, fields: Any, words: str) -> None:
    original = route("oddGet", "get", "/odd", responses=responses)
    made = only("oddGet", original, door(original))["responses"]
    assert list(made) == ["200"]
    assert made["200"]["description"] == words
    assert made["200"]["content"]["application/json"]["schema"]["properties"].keys() == set(fields)


def test_an_answer_to_a_deletion_says_so() -> None:
    assert only("deleteThing")["responses"]["200"]["description"] == "Whether it was deleted."


@pytest.mark.parametrize(
    ("name", "made"),
    [("getThing", "getThing"), ("create-thing-of", "createThingOf"), ("Get_thing", "Get_thing")],
)
def test_ids_become_names_of_letters_and_digits(name: str, made: str) -> None:
    assert operation_name(name) == made


def nested(parts: int) -> dict[str, Any]:
    """A body with so many parts of 20 fields each."""
    part = {"type": "object", "properties": {f"field_{n}": TEXT for n in range(20)}}
    return {"type": "object", "properties": {f"part_{n}": part for n in range(parts)}}


def several(*schemas: Any) -> Contract:
    """A contract with one group, of an operation for each body."""
    originals = [route(f"post{n}", "post", f"/{n}", schema) for n, schema in enumerate(schemas)]
    words = {original.operation_id: "Do it." for original in originals}
    return contract(
        *originals,
        *(door(original) for original in originals),
        groups={"several": {**GROUP, "operations": list(words)}},
        operations={**ACTIONS["operations"], **words},
    )


def test_a_document_that_is_too_long_loses_the_depth_of_its_longest_operation() -> None:
    made = documents(several(nested(5), nested(200), nested(10)))["several"]
    assert limits.length(made) < limits.CHARACTERS
    bodies = [item["post"]["requestBody"]["content"]["application/json"] for item in made["paths"].values()]
    parts = [body["schema"]["properties"] for body in bodies]
    assert [len(part) for part in parts] == [5, 200, 10]
    assert [len(part["part_0"]["properties"]) for part in parts] == [20, 0, 20]


def test_what_is_too_long_at_any_depth_stops() -> None:
    wide = {"type": "object", "properties": {f"field_{n}": TEXT for n in range(3_000)}}
    with pytest.raises(CodegenError, match=r"one\.json: the document: \d+ characters, \d+ too many"):
        only("oddPost", *with_body(wide))


@pytest.mark.parametrize(
    ("operations", "said"),
    [
        ({"getThing": "x" * 301}, "summary: 301 characters, 1 over the limit of 300"),
        ({"getThing": ""}, "summary: there is none"),
    ],
)
def test_words_over_a_limit_stop(operations: dict[str, str], said: str) -> None:
    place = r"generated/actions/things\.json: GET /v1/actions/things/\{thing_id\} \(getThing\): "
    with pytest.raises(CodegenError, match=place + said):
        documents(contract(operations={**ACTIONS["operations"], **operations}))


def test_more_operations_than_an_action_may_have_stop() -> None:
    made = several(*[{"type": "object", "properties": {}}] * 31)
    with pytest.raises(CodegenError, match=r"several\.json: paths: 31 operations, 1 over the limit of 30"):
        documents(made)


def test_two_names_that_become_one_stop() -> None:
    other = route("createThing", "post", "/others")
    groups = {"things": {**GROUP, "operations": ["create-thing", "createThing"]}}
    words = {**ACTIONS["operations"], "createThing": "Make another."}
    with pytest.raises(CodegenError, match="operationId: 'createThing' stands there 2 times"):
        documents(contract(other, door(other), groups=groups, operations=words))


def test_the_contract_stays_as_it_was() -> None:
    made = contract()
    documents(made)
    assert made.routes == routes()
    assert made.document["components"]["schemas"] == SCHEMAS
    assert PATH["schema"] == TEXT
    assert body({})["required"]
