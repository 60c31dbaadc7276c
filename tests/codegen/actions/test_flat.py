"""Flat schemas: what becomes of each keyword, of choices, of recursion, and that nothing else is left."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.actions.flat import flat
from codegen.errors import CodegenError
from tests.codegen.shapes import steady

JSON = Any
OPEN = {"type": "object", "properties": {}, "additionalProperties": True}
TEXT, WHOLE, NUMBER, FLAG, NULL = (
    {"type": name} for name in ("string", "integer", "number", "boolean", "null")
)
TEXTS = {"type": "array", "items": TEXT}
SMALL = {"type": "object", "properties": {"a": TEXT}, "required": ["a"]}


def words(*values: str) -> dict[str, JSON]:
    return {"type": "string", "enum": list(values)}


def obj(required: tuple[str, ...] = (), **properties: JSON) -> dict[str, JSON]:
    return {"type": "object", "properties": properties} | ({"required": [*required]} if required else {})


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"anyOf": [TEXT, NULL]}, TEXT),
        ({"type": ["integer", "null"], "default": 3}, {**WHOLE, "default": 3}),
        ({"type": "string", "nullable": True, "format": "binary"}, TEXT),
        ({"const": "x"}, words("x")),
        ({"enum": [1, 2]}, {**WHOLE, "enum": [1, 2]}),
        ({"enum": ["a", None], "type": ["string", "null"]}, words("a")),
        ({"oneOf": [words("a", "b"), words("b", "c")]}, words("a", "b", "c")),
        ({"anyOf": [TEXT, words("a")]}, TEXT),
        ({"anyOf": [TEXT, TEXTS]}, TEXT),
        ({"anyOf": [SMALL, TEXT]}, TEXT),
        ({"anyOf": [words("none", "all"), SMALL]}, words("none", "all")),
        ({"anyOf": [words("auto"), SMALL]}, SMALL),
        ({"anyOf": [words("auto"), WHOLE]}, WHOLE),
        ({"anyOf": [words("inf", "auto"), WHOLE]}, WHOLE),
        ({"anyOf": [TEXT, WHOLE]}, TEXT),
        ({"anyOf": [WHOLE, NUMBER]}, NUMBER),
        ({"anyOf": [FLAG, TEXTS]}, FLAG),
        ({"anyOf": [TEXTS, SMALL]}, TEXTS),
        ({"anyOf": [TEXTS, {"type": "array", "items": WHOLE}]}, TEXTS),
        ({"allOf": [WHOLE, NUMBER]}, WHOLE),
        ({"allOf": [words("a", "b"), words("b", "c")]}, words("b")),
        ({"properties": {"a": TEXT}}, obj(a=TEXT)),
        ({"items": TEXT}, TEXTS),
        ({"type": "array"}, {"type": "array", "items": OPEN}),
        ({"type": "object"}, OPEN),
        ({}, OPEN),
        (True, OPEN),
        (NULL, OPEN),
    ],
)
def test_a_schema_has_one_type(schema: JSON, expected: JSON) -> None:
    assert flat(schema, {}) == expected


def test_one_object_has_the_fields_of_all_and_needs_what_each_needs() -> None:
    one = obj(("type", "a"), type={"const": "one"}, a=TEXT)
    two = obj(("type", "b"), type={"const": "two"}, a=words("x"), b=WHOLE)
    union = {"oneOf": [one, two], "discriminator": {"propertyName": "type"}}
    assert flat(union, {}) == obj(("type",), type=words("one", "two"), a=TEXT, b=WHOLE)


def test_all_of_objects_is_one_that_needs_what_any_needs() -> None:
    both = {"allOf": [SMALL, obj(("b",), b=WHOLE, a={"maxLength": 3})]}
    assert flat(both, {}) == obj(("a", "b"), a={"type": "string", "maxLength": 3}, b=WHOLE)


def test_what_is_required_in_different_ways_is_not_required() -> None:
    either = {**obj(a=TEXT, b=TEXT), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert flat(either, {}) == obj(a=TEXT, b=TEXT)


def test_the_default_of_one_of_several_is_nobodys() -> None:
    assert flat({"anyOf": [{**TEXT, "default": ""}, TEXTS]}, {}) == TEXT


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        ({**WHOLE, "minimum": 1, "maximum": 9, "multipleOf": 2}, {"minimum": 1, "maximum": 9}),
        ({**TEXT, "minLength": 1, "maxLength": 9, "pattern": "a"}, {"minLength": 1, "maxLength": 9}),
        ({**TEXTS, "minItems": 1, "maxItems": 9, "uniqueItems": True}, {"minItems": 1, "maxItems": 9}),
        ({**TEXT, "minimum": 1}, {}),
        ({"anyOf": [{**WHOLE, "minimum": 1}, {**WHOLE, "minimum": 3, "maximum": 5}]}, {"minimum": 1}),
        ({"allOf": [{**WHOLE, "minimum": 1}, {**WHOLE, "minimum": 3}]}, {"minimum": 3}),
        ({**WHOLE, "default": "x"}, {}),
        ({**WHOLE, "minimum": 5, "default": 1}, {"minimum": 5}),
        ({**TEXT, "enum": ["a"], "default": "b"}, {"enum": ["a"]}),
        ({**FLAG, "default": False}, {"default": False}),
    ],
)
def test_bounds_and_defaults_stay_where_they_fit(schema: JSON, kept: JSON) -> None:
    made = flat(schema, {})
    assert {key: made[key] for key in made.keys() - {"type", "items"}} == kept


def test_deprecated_fields_are_left_out_and_so_are_those_of_streams() -> None:
    old = {**TEXT, "deprecated": True}
    body = obj(("old", "n"), n=WHOLE, old=old, stream=FLAG, stream_options=SMALL, partial_images=WHOLE)
    assert flat(body, {}) == obj(("n",), n=WHOLE)
    assert flat({"anyOf": [{**SMALL, "deprecated": True}, WHOLE]}, {}) == WHOLE
    assert flat(obj(old={"$ref": "#/components/schemas/Old"}), {"Old": old}) == obj()


def test_a_field_that_is_null_or_nothing_is_left_out() -> None:
    assert flat(obj(a=NULL, b={"const": None}), {}) == obj()


def test_fields_without_a_name_are_told_where_they_are_primitives() -> None:
    named = {"type": "object", "additionalProperties": TEXT}
    assert flat(named, {}) == {**OPEN, "additionalProperties": TEXT}
    assert flat({"type": "object", "additionalProperties": SMALL}, {}) == OPEN
    assert flat({"type": "object", "additionalProperties": False}, {}) == obj()
    assert flat({"type": "object", "unevaluatedProperties": False}, {}) == obj()
    assert flat({**SMALL, "additionalProperties": True}, {}) == {**SMALL, "additionalProperties": True}


def test_an_object_is_kept_where_it_is_asked_for() -> None:
    body = obj(a={"anyOf": [TEXT, SMALL, obj(b=WHOLE)]}, b={"anyOf": [TEXT, SMALL]}, c=TEXT)
    assert flat(body, {}, objects=["a", "c"]) == obj(a=obj(a=TEXT, b=WHOLE), b=TEXT, c=TEXT)


def test_files_have_the_one_form_that_chatgpt_looks_for() -> None:
    entries = {"type": "array", "maxItems": 1, "items": {"oneOf": [SMALL, TEXT]}}
    assert flat(obj(openaiFileIdRefs=entries), {}) == obj(openaiFileIdRefs=TEXTS)


def test_recursion_is_cut_where_it_begins_again() -> None:
    tree = obj(("name",), name=TEXT, parts={"type": "array", "items": {"$ref": "#/components/schemas/Tree"}})
    made = flat({"$ref": "#/components/schemas/Tree"}, {"Tree": tree})
    assert made == obj(("name",), name=TEXT, parts={"type": "array", "items": OPEN})


def test_a_name_for_a_primitive_may_be_met_again() -> None:
    kind = {"Kind": words("a")}
    one = {"$ref": "#/components/schemas/Kind"}
    assert flat(obj(a=one, b=obj(a=one)), kind) == obj(a=words("a"), b=obj(a=words("a")))


def test_a_name_for_itself_is_anything() -> None:
    assert flat({"$ref": "#/components/schemas/A"}, {"A": {"$ref": "#/components/schemas/A"}}) == OPEN


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_what_lies_deeper_is_open(depth: int) -> None:
    schema: JSON = SMALL
    for _ in range(4):
        schema = obj(inner=schema)
    made = flat(schema, {}, depth)
    for _ in range(depth):
        made = made["properties"]["inner"]
    assert made == OPEN


def test_a_reference_to_nothing_stops() -> None:
    with pytest.raises(CodegenError, match="'#/components/schemas/Gone' is no schema of the contract"):
        flat({"$ref": "#/components/schemas/Gone"}, {})


NAMES = ("A", "B", "C")
VALUES = st.sampled_from([None, "x", "y", 1, 2.5, True])


def schemas() -> st.SearchStrategy[JSON]:
    """Any schema of the keywords that the contract knows, references to three names among them."""
    leaves = st.one_of(
        st.booleans(),
        st.sampled_from(NAMES).map(lambda name: {"$ref": f"#/components/schemas/{name}"}),
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(
                    ["string", "integer", "object", "array", "null", ["string", "null"], ["array", "object"]]
                ),
                "enum": st.lists(VALUES, max_size=3),
                "const": VALUES,
                "default": VALUES,
                "nullable": st.booleans(),
                "deprecated": st.booleans(),
                "format": st.just("binary"),
                "minimum": st.integers(0, 3),
                "maxLength": st.integers(0, 3),
                "minItems": st.integers(0, 3),
                "x-more": VALUES,
            },
        ),
    )
    return st.recursive(leaves, _nested, max_leaves=12)


def _nested(inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    names = st.sampled_from(["a", "b", "stream", "anyOf", "$ref", "openaiFileIdRefs"])
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string"]),
            "properties": st.dictionaries(names, inner, max_size=3),
            "required": st.lists(names, max_size=2),
            "items": inner,
            "additionalProperties": inner,
            "anyOf": several,
            "oneOf": several,
            "allOf": several,
            "discriminator": st.just({"propertyName": "a"}),
        },
    )


def walked(schema: JSON, depth: int = 0) -> Iterator[tuple[dict[str, JSON], int]]:
    """Each schema of a flat one with the objects around it, by the keywords that may hold schemas there."""
    yield schema, depth
    for part in schema.get("properties", {}).values():
        yield from walked(part, depth + 1)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from walked(schema[key], depth + (key == "additionalProperties"))


BOUNDS = {
    "integer": {"minimum", "maximum", "enum", "default"},
    "number": {"minimum", "maximum", "enum", "default"},
    "string": {"minLength", "maxLength", "enum", "default"},
    "boolean": {"enum", "default"},
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties"},
}


@steady
@given(schemas(), st.fixed_dictionaries(dict.fromkeys(NAMES, schemas())), st.integers(1, 4))
def test_nothing_is_left_but_what_the_import_takes(schema: JSON, components: JSON, depth: int) -> None:
    made = flat(schema, components, depth)
    for part, level in walked(made):
        assert part.keys() - {"type"} <= BOUNDS[part["type"]]
        assert level <= depth
        if part["type"] == "object":
            assert set(part.get("required", [])) <= part["properties"].keys()
            assert "stream" not in part["properties"]
        if part["type"] == "array":
            assert "items" in part
        if "default" in part:
            assert part["default"] in part.get("enum", [part["default"]])
