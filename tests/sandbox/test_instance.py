from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bounds import plain_number
from sandbox.errors import ApiError
from sandbox.instance import minimal
from tests.sandbox.conftest import Contract

TREE = {
    "$defs": {"tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}},
    "properties": {"a/b~c": {"$ref": "#/$defs/tree"}},
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": "integer"}, 0),
        ({"type": "number"}, 0),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array", "prefixItems": [{"const": 1}], "minItems": 2, "items": {"const": 2}}, [1, 2]),
        ({"type": "object"}, {}),
        ({"type": ["null", "boolean"]}, False),
        ({"enum": ["b", "a"], "default": "a"}, "b"),
        ({"const": None}, None),
        ({"type": "integer", "default": 7}, 7),
        ({"properties": {"a": {"const": 1}, "b": {}}, "required": ["a"]}, {"a": 1}),
        ({"properties": {"a": {}}, "required": ["a", "a", "c"]}, {"a": "text", "c": "text"}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 0),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"required": ["a"]}], "type": "object"}, {"a": 1}),
        ({"properties": {"a": {"const": 1}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}),
        ({"$ref": "#/$defs/tree", **TREE}, {}),
        ({"$ref": "#/properties/a~1b~0c", **TREE}, {}),
        ({"$ref": "#/nowhere"}, "text"),
        (
            {"properties": {"me": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["me"]},
            {"me": None},
        ),
    ],
)
def test_takes_the_plainest_value(schema: dict[str, Any], value: object) -> None:
    made = minimal(schema, "schema")
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 9},
        {"type": "string", "maxLength": 2},
        *(
            {"type": "string", "format": form}
            for form in ("date", "date-time", "email", "ipv4", "ipv6", "uuid", "uri")
        ),
        *({"type": "string", "format": form} for form in ("duration", "hostname", "time")),
        {"type": "integer", "minimum": 3},
        {"type": "integer", "exclusiveMinimum": 3},
        {"type": "integer", "maximum": -3},
        {"type": "integer", "exclusiveMaximum": -3},
        {"type": "integer", "minimum": 5, "multipleOf": 4},
        {"type": "integer", "minimum": 1.5},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "number", "minimum": 0.25, "maximum": 0.5},
        {"type": "number", "minimum": 1, "multipleOf": 0.75},
    ],
)
def test_keeps_within_bounds(schema: dict[str, Any]) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert validator.is_valid(minimal(schema, "schema"))


@pytest.mark.parametrize(
    "name",
    [
        "CreateChatCompletionRequest",
        "CreateResponse",
        "CompoundFilter",
        "Response",
        "RunObject",
        "CreateVectorStoreFileBatchRequest",
        "RealtimeServerEvent",
        "ListFilesResponse",
    ],
)
def test_meets_the_contracts_own_schemas(contract: Contract, document: dict[str, Any], name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    contract.judge(name, minimal(schema, "schema"))


DOUBLING = {
    "$defs": {
        f"d{level}": {
            "required": ["a", "b"],
            "properties": {key: {"$ref": f"#/$defs/d{level + 1}"} for key in "ab"},
        }
        for level in range(40)
    },
    "$ref": "#/$defs/d0",
}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"me": {"$ref": "#"}}, "required": ["me"]},
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}]},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**12},
        {"type": "array", "minItems": 5000, "items": {"const": "x" * 1000}},
        {"required": ["x" * 10**7]},
        DOUBLING,
    ],
)
def test_a_schema_without_a_small_instance_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        minimal(schema, "tools[0].parameters")
    assert (caught.value.status, caught.value.param) == (400, "tools[0].parameters")


BOUNDS = st.none() | st.integers(-50, 50) | st.floats(-50, 50)


@given(low=BOUNDS, high=BOUNDS, whole=st.booleans(), exclusive=st.booleans())
def test_a_number_that_can_fit_does(
    low: float | None, high: float | None, *, whole: bool, exclusive: bool
) -> None:
    given_bounds = {"exclusiveMinimum" if exclusive else "minimum": low, "maximum": high}
    schema = {key: bound for key, bound in given_bounds.items() if bound is not None}
    number = plain_number(schema, whole=whole)
    roomy = low is None or high is None or high - low >= 2
    if roomy:
        validator = jsonschema_rs.Draft202012Validator({"type": "integer" if whole else "number", **schema})
        assert validator.is_valid(number)
