"""`nullable: true` of OpenAPI 3.0, said in the words of JSON Schema 2020-12."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.nullable import spelled_out

ROOT = Path(__file__).parents[2]
JSON = Any
THING = {"type": "object", "required": ["a"]}
REF = {"$ref": "#/components/schemas/Thing"}


def spelled(schema: JSON) -> JSON:
    """What becomes of one schema, which stands where a document has its schemas."""
    return spelled_out({"components": {"schemas": {"It": schema}}})["components"]["schemas"]["It"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"enum": ["a", None]}, {"enum": ["a", None]}),
        ({"type": "string", "const": "a"}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"type": "array", "minItems": 1}, {"type": ["array", "null"], "minItems": 1}),
        ({**THING, "deprecated": True}, {"deprecated": True, "anyOf": [THING, {"type": "null"}]}),
        (REF, {"anyOf": [REF, {"type": "null"}]}),
        ({"oneOf": [REF], "default": None}, {"default": None, "anyOf": [{"oneOf": [REF]}, {"type": "null"}]}),
        ({"anyOf": [REF, {"type": "string"}]}, {"anyOf": [REF, {"type": "string"}, {"type": "null"}]}),
        ({"anyOf": [REF, {"type": "null"}]}, {"anyOf": [REF, {"type": "null"}]}),
        (
            {"anyOf": [REF], "discriminator": {"propertyName": "a"}},
            {"anyOf": [{"anyOf": [REF], "discriminator": {"propertyName": "a"}}, {"type": "null"}]},
        ),
        ({"title": "Anything"}, {"title": "Anything"}),
    ],
)
def test_each_way_to_allow_a_value_has_its_way_to_allow_null(said: JSON, meant: JSON) -> None:
    assert spelled({**said, "nullable": True}) == meant
    assert spelled({**said, "nullable": False}) == spelled(said) == said


def test_a_part_that_holds_the_word_alone_is_about_the_whole() -> None:
    assert spelled({"allOf": [REF, {"nullable": True}]}) == {"anyOf": [REF, {"type": "null"}]}
    both = [REF, {"type": "object"}]
    assert spelled({"allOf": [*both, {"nullable": True}]}) == {"anyOf": [{"allOf": both}, {"type": "null"}]}


def test_only_schemas_are_read() -> None:
    named = {"type": "object", "properties": {"nullable": {"type": "boolean"}}, "required": ["nullable"]}
    assert spelled(named) == named
    value = {"default": {"nullable": True}, "enum": [{"nullable": True}]}
    assert spelled(value) == value
    assert spelled({"items": True}) == {"items": True}


def test_schemas_are_found_wherever_they_stand() -> None:
    media = {"content": {"application/json": {"schema": {"type": "string", "nullable": True}}}}
    answer = {"responses": {"200": media}, "parameters": [{"schema": {"type": "string", "nullable": True}}]}
    made = spelled_out({"paths": {"/a": {"get": {**answer, "requestBody": media}}}})
    assert json.dumps(made).count('["string", "null"]') == 3
    assert "nullable" not in json.dumps(made)


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer"},
        {"enum": ["a", 1]},
        {"const": "a"},
        {"enum": ["a", None]},
        REF,
        {},
    ]
)


def with_words(schemas: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    return st.tuples(schemas, st.sampled_from([{}, {"nullable": True}, {"nullable": False}])).map(
        lambda pair: pair[0] | pair[1]
    )


SCHEMAS = st.recursive(
    with_words(LEAVES),
    lambda inner: with_words(
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"type": st.just("array"), "items": inner})
        | st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.fixed_dictionaries({"a": inner})}
        )
        | st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner})
    ),
    max_leaves=8,
)
VALUES: list[JSON] = [
    None,
    "a",
    "b",
    1,
    1.5,
    [],
    [None],
    ["a"],
    {},
    {"a": None},
    {"a": "a"},
    {"a": 1},
    {"a": []},
    [[None]],
]


def read(schema: JSON) -> JSON:
    """The word's meaning in the plainest form: what the schema takes, or null."""
    if isinstance(schema, list):
        return [read(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {key: read(part) for key, part in schema.items() if key != "nullable"}
    return {"anyOf": [rest, {"type": "null"}]} if schema.get("nullable") is True else rest


def taken(schema: JSON) -> list[bool]:
    whole = {"allOf": [schema], "components": {"schemas": {"Thing": THING}}}
    validator = jsonschema_rs.Draft202012Validator(whole)
    return [validator.is_valid(value) for value in VALUES]


@given(SCHEMAS)
def test_the_same_values_are_taken_as_by_the_plainest_reading(schema: JSON) -> None:
    before = copy.deepcopy(schema)
    assert taken(spelled(schema)) == taken(read(schema))
    assert schema == before
    assert "nullable" not in json.dumps(spelled(schema))
    assert spelled(spelled(schema)) == spelled(schema)


def test_the_served_document_has_none_of_the_word() -> None:
    assert b'"nullable":' in (ROOT / "spec" / "openai.json").read_bytes()
    assert b'"nullable":' not in (ROOT / "generated" / "openapi.json").read_bytes()
