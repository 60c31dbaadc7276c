"""Discriminators of the served document: with a mapping that is so, or not there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegen.discriminators import decided

ROOT = Path(__file__).parents[2]
BY_TYPE = {"propertyName": "type"}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def tagged(*values: str, needed: bool = True) -> dict[str, Any]:
    required = {"required": ["type"]} if needed else {}
    return {"type": "object", "properties": {"type": {"type": "string", "enum": list(values)}}, **required}


def document(union: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"paths": {}, "components": {"schemas": {"Union": union, **members}}}


def made_of(union: dict[str, Any], **members: Any) -> Any:
    return decided(document(union, **members))["components"]["schemas"]["Union"]


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
def test_values_that_tell_the_members_apart_become_a_mapping(keyword: str) -> None:
    union = {keyword: [ref("A"), ref("B")], "discriminator": BY_TYPE}
    parent = {"allOf": [{"type": "object"}, tagged("b")]}
    assert made_of(union, A=tagged("a", "aa"), B=parent)["discriminator"] == {
        "propertyName": "type",
        "mapping": {"a": ref("A")["$ref"], "aa": ref("A")["$ref"], "b": ref("B")["$ref"]},
    }
    assert union["discriminator"] == BY_TYPE


@pytest.mark.parametrize(
    "members",
    [
        {"A": tagged("a"), "B": tagged("a")},
        {"A": tagged("a"), "B": tagged("b", needed=False)},
        {"A": tagged("a"), "B": {"type": "object"}},
        {
            "A": tagged("a"),
            "B": {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]},
        },
        {"A": tagged("a"), "B": {"oneOf": [tagged("b"), tagged("c")]}},
    ],
)
def test_one_that_decides_nothing_goes(members: dict[str, Any]) -> None:
    union = {"oneOf": [ref("A"), ref("B")], "discriminator": BY_TYPE}
    assert made_of(union, **members) == {"oneOf": [ref("A"), ref("B")]}


def test_a_member_that_is_no_component_cannot_be_mapped_to() -> None:
    assert made_of({"oneOf": [ref("A"), tagged("b")], "discriminator": BY_TYPE}, A=tagged("a")) == {
        "oneOf": [ref("A"), tagged("b")]
    }
    assert made_of({"type": "array", "discriminator": BY_TYPE}) == {"type": "array"}


def test_a_mapping_that_is_there_and_a_property_of_that_name_stay() -> None:
    said = {"oneOf": [ref("A")], "discriminator": {**BY_TYPE, "mapping": {"x": ref("A")["$ref"]}}}
    assert made_of(said, A=tagged("a")) == said
    named = {"properties": {"discriminator": {"properties": {"propertyName": {"type": "string"}}}}}
    assert made_of(named) == named


def unions(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("discriminator"), dict) and "propertyName" in value["discriminator"]:
            yield value
        for part in value.values():
            yield from unions(part)
    elif isinstance(value, list):
        for part in value:
            yield from unions(part)


def test_each_one_in_the_served_document_maps_values_that_its_members_have() -> None:
    served = json.loads((ROOT / "generated" / "openapi.json").read_bytes())
    schemas = served["components"]["schemas"]
    found = list(unions(served))
    assert len(found) > 80
    for union in found:
        mapping = union["discriminator"]["mapping"]
        members = [part["$ref"] for part in union.get("oneOf") or union["anyOf"]]
        assert set(mapping.values()) == set(members)
        for value, reference in mapping.items():
            parts = [schemas[reference.rpartition("/")[2]]]
            parts += [
                schemas[part["$ref"].rpartition("/")[2]]
                for part in parts[0].get("allOf", [])
                if "$ref" in part
            ]
            assert f'["{value}"' in json.dumps(parts) or f', "{value}"' in json.dumps(parts)
