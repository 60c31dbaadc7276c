"""The generated table knows what the contract's schemas know, read the plain way: down from the root."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen import contract, names
from relay.contract import names as generated
from relay.telemetry.drift import Known, linked, unknown_fields
from tests.codegen.projects import DOCUMENT, action, write_project

Schema = dict[str, Any]
REF = "#/components/schemas/"
WORDS = ("a", "b", "c")
ENDLESS = {"type": "object", "properties": {"a": {"$ref": f"{REF}Loop"}, "b": {"type": "string"}}}


def table(tmp_path: Path, *actions: dict[str, Any]) -> dict[str, Any]:
    return names.names(contract.load(write_project(tmp_path, *actions, document=DOCUMENT) / "spec"))


def known_by(body: Schema, components: dict[str, Schema]) -> Known:
    """What the table says of values that `body` describes."""
    operation = {
        "operationId": "make",
        "parameters": [],
        "requestBody": {"content": {"application/json": {"schema": body}}},
    }
    route = contract.Route("/v1/things", "/things", "post", operation, {})
    found = names.names(contract.Contract({"components": {"schemas": components}}, [route], {}))
    root: int = found["bodies"].get("make", 0)
    return linked(found["nodes"])[root]


def unknown(body: Schema, value: Any, **components: Schema) -> set[str]:
    return unknown_fields(json.dumps(value).encode(), known_by(body, components))


def test_an_operation_has_the_parameters_of_its_query_and_of_its_path_item(tmp_path: Path) -> None:
    item = "$.paths['/things/search']"
    shared = {"$ref": "#/components/parameters/Shared"}
    listed = [{"name": name, "in": where} for name, where in (("include[]", "query"), ("x-h", "header"))]
    found = table(
        tmp_path,
        action("$.components", update={"parameters": {"Shared": {"name": "limit", "in": "query"}}}),
        action(item, update={"parameters": [shared]}),
        action(f"{item}.get", update={"parameters": listed}),
    )
    assert found["parameters"] == {"searchThings": ["include", "limit"]}


def test_what_selects_a_variant_is_known_to_both(tmp_path: Path) -> None:
    variant = {"operationId": "searchBeta", "responses": {"200": {"description": "OK"}}}
    update = {"x-relay": {"variants": {"beta=true": variant}}}
    found = table(tmp_path, action("$.paths['/things/search'].get", update=update))
    assert found["parameters"] == {"searchThings": ["beta"], "searchBeta": ["beta"]}


def test_other_names_and_the_relays_own_operations_are_left_out() -> None:
    found = generated()
    assert "createImage" in found["bodies"]
    assert not {"createImageShort", "streamResponse", "proxyRequest"} & found["bodies"].keys()
    assert "createChatCompletion" not in found["events"]
    assert "response.completed" in found["events"]["createResponse"]
    assert {"after", "limit", "order"} <= set(found["parameters"]["listAssistants"])


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        ({"properties": {"a": {}}}, {"a": {"x": 1}, "x": 1}, {"x"}),
        ({"type": "object"}, {"x": 1}, set()),
        ({"type": "object", "properties": {}}, {"x": 1}, set()),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"x": 1}, {"x"}),
        ({"properties": {"a": {}}, "additionalProperties": True}, {"x": 1}, set()),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, {"x": 1}, set()),
        ({"allOf": [{"properties": {"a": {}}}, {"type": "object"}]}, {"a": 1, "x": 1}, {"x"}),
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 1}, set()),
        ({"anyOf": [{"properties": {"a": {}}}, {"type": "object"}]}, {"x": 1}, set()),
        ({"anyOf": [{"properties": {"a": {}}}, {"type": "string"}]}, {"x": 1}, {"x"}),
        ({"anyOf": [{"properties": {"a": {}}}, {}]}, {"x": 1}, set()),
        ({"properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"x": 1}, {"x"}),
        ({"items": {"properties": {"a": {}}}}, [{"x": 1}, {"a": 1}, [{"y": 1}]], {"[].x"}),
        ({"properties": {"a": {"items": {"properties": {"b": {}}}}}}, {"a": [{"x": 1}]}, {"a[].x"}),
        (
            {
                "oneOf": [
                    {"properties": {"a": {"properties": {"b": {}}}}},
                    {"properties": {"a": {"enum": [1]}}},
                ]
            },
            {"a": {"b": 1, "x": {"y": 1}}},
            {"a.x"},
        ),
        (ENDLESS, {"a": {"a": {"a": {"b": 1, "x": 1}}}}, {"a.a.a.x"}),
        ({"properties": {"a": True}, "items": True}, {"a": {"x": 1}}, set()),
    ],
)
def test_a_schema_knows(schema: Schema, value: Any, found: set[str]) -> None:
    assert unknown(schema, value, Loop=ENDLESS) == found


leaves = st.sampled_from(
    [{}, {"type": "string"}, {"type": "object"}, *({"$ref": REF + name} for name in ("One", "Two"))]
)


def _composed(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    objects = st.dictionaries(st.sampled_from(WORDS), inner, min_size=1, max_size=3)
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        objects.map(lambda properties: {"type": "object", "properties": properties}),
        inner.map(lambda items: {"type": "array", "items": items}),
        several.map(lambda members: {"anyOf": members}),
        objects.map(lambda properties: {"properties": properties, "additionalProperties": True}),
    )


# A component that is but a reference could go round for ever.
schemas = st.recursive(leaves, _composed, max_leaves=6)
components = st.fixed_dictionaries(dict.fromkeys(("One", "Two"), _composed(schemas)))
values = st.recursive(
    st.sampled_from([1, "x", None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, "x"]), inner),
    max_leaves=10,
)


def members(schema: Schema, named: dict[str, Schema], above: tuple[str, ...] = ()) -> list[Schema]:
    """The schemas that a union comes down to, whatever lies in between."""
    if (ref := schema.get("$ref")) is not None:
        return [] if ref in above else members(named[ref.removeprefix(REF)], named, (*above, ref))
    if "anyOf" in schema:
        return [found for part in schema["anyOf"] for found in members(part, named, above)]
    return [schema]


def plainly(given: list[Schema], value: Any, named: dict[str, Schema], place: str = "") -> set[str]:
    """The oracle: one step of the value at a time, with every schema that may describe it there."""
    parts = [part for schema in given for part in members(schema, named)]
    found: set[str] = set()
    if isinstance(value, list):
        items = [part["items"] for part in parts if "items" in part]
        for one in value:
            found |= plainly(items, one, named, f"{place}[]")
    elif isinstance(value, dict) and not any(opens(part) for part in parts):
        known = [part["properties"] for part in parts if "properties" in part]
        for name, inner in value.items() if known else ():
            at = f"{place}.{name}" if place else name
            below = [properties[name] for properties in known if name in properties]
            found |= plainly(below, inner, named, at) if below else {at}
    return found


def opens(part: Schema) -> bool:
    return not part or part == {"type": "object"} or "additionalProperties" in part


@settings(deadline=None)
@given(schemas, components, values)
def test_the_table_says_what_the_schemas_say(schema: Schema, named: dict[str, Schema], value: Any) -> None:
    assert unknown(schema, value, **named) == plainly([schema], value, named)
