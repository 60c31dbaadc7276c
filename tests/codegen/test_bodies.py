from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.bodies import Schemas, name_of
from codegen.contract import Contract, Route, references
from codegen.errors import CodegenError

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


def route(schema: dict[str, Any], operation_id: str = "create-thing") -> Route:
    body = {"content": {"application/json": {"schema": schema}}}
    return Route("/v1/things", "/things", "post", {"operationId": operation_id, "requestBody": body}, {})


def schemas(*bodies: dict[str, Any], **components: Any) -> Schemas:
    routes = [route(body, f"create-thing-{number}") for number, body in enumerate(bodies)]
    return Schemas(Contract({"components": {"schemas": components}}, routes, {}))


def test_a_referred_body_keeps_its_name_and_an_inline_one_is_named_after_its_operation() -> None:
    assert name_of(route({"$ref": "#/components/schemas/NewThing"})) == "NewThing"
    assert name_of(route({"type": "object"}, "beta_create-thing")) == "BetaCreateThingBody"
    assert name_of(Route("/", "/", "get", {"operationId": "x"}, {})) is None


def test_a_name_that_is_taken_stops() -> None:
    with pytest.raises(CodegenError, match="CreateThing0Body"):
        schemas({"type": "object"}, CreateThing0Body={})


def test_the_shape_joins_all_of_and_follows_references() -> None:
    base = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    more = {"type": "object", "required": ["b"], "properties": {"b": {"enum": [1, 2]}, "a": {}}}
    shape = schemas(Base=base).shape({"allOf": [{"$ref": "#/components/schemas/Base"}, more]})
    assert shape.types == frozenset({"object"})
    assert shape.required == {"a", "b"}
    assert shape.fields == {"a": {"string"}, "b": {"integer"}}


def test_the_shape_of_a_choice_is_what_its_members_share() -> None:
    one = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {}}}
    two = {"type": "object", "required": ["a"], "properties": {"a": {"type": "array"}}}
    shape = schemas().shape({"oneOf": [one, two]})
    assert shape.required == {"a"}
    assert shape.fields == {"a": {"array", "string"}}


def test_a_choice_with_one_member_that_may_be_anything_may_be_anything() -> None:
    assert schemas().shape({"anyOf": [{"type": "string"}, {}]}).types is None


def test_a_list_of_types_and_a_const_count_as_types() -> None:
    assert schemas().shape({"type": ["string", "null"]}).types == frozenset({"null", "string"})
    assert schemas().shape({"const": 1.5}).types == frozenset({"number"})


def test_a_schema_that_contains_itself_has_a_shape() -> None:
    loop = {"anyOf": [{"$ref": "#/components/schemas/Loop"}, {"type": "string"}]}
    assert schemas(Loop=loop).shape({"$ref": "#/components/schemas/Loop"}).types is None


def test_the_closure_is_what_bodies_reach_and_no_more() -> None:
    made = schemas(
        {"$ref": "#/components/schemas/A"},
        A={"properties": {"b": {"$ref": "#/components/schemas/B"}}},
        B={"items": {"$ref": "#/components/schemas/A"}},
        Unreached={},
    )
    assert list(made.closure()) == ["A", "B"]


def test_a_reference_to_nothing_stops() -> None:
    with pytest.raises(CodegenError, match="#/components/schemas/Gone"):
        schemas({"$ref": "#/components/schemas/Gone"}).closure()


leaves: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.sampled_from(TYPES).map(lambda name: {"type": name}),
    st.lists(st.sampled_from(TYPES), min_size=1, unique=True).map(lambda names: {"type": names}),
)
nested = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda keyword, parts: {keyword: parts},
        st.sampled_from(("allOf", "anyOf", "oneOf")),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


def allows(schema: dict[str, Any], name: str) -> bool:
    """A plain reading of JSON Schema: whether a value of the JSON type `name` may be right."""
    said = schema.get("type", list(TYPES))
    own = name in ([said] if isinstance(said, str) else said)
    every = all(allows(part, name) for part in schema.get("allOf", []))
    either = all(any(allows(part, name) for part in schema[k]) for k in ("anyOf", "oneOf") if k in schema)
    return own and every and either


@given(nested)
def test_types_are_those_that_a_plain_reading_allows(schema: dict[str, Any]) -> None:
    found = schemas().shape(schema).types
    assert {name for name in TYPES if found is None or name in found} == {
        name for name in TYPES if allows(schema, name)
    }


@given(nested)
def test_schemas_without_references_have_none(schema: dict[str, Any]) -> None:
    assert list(references(schema)) == []
    assert list(references({"properties": {"x": {"$ref": "#/y"}, "z": schema}})) == ["#/y"]
