from typing import Any

from codegen.models import failing_fast
from codegen.unions import prepared


def member(value: str | None, *, required: bool = True, **more: Any) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "string"} if value is None else {"type": "string", "enum": [value]}
    return {"type": "object", "required": ["type"] if required else [], "properties": {"type": kind}, **more}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def union(*names: str, **more: Any) -> dict[str, Any]:
    return {"oneOf": [ref(name) for name in names], "discriminator": {"propertyName": "type"}, **more}


def test_a_union_that_its_discriminator_decides_gets_the_mapping_it_lacks() -> None:
    made = prepared({"A": member("a"), "B": member("b"), "U": union("A", "B")})
    assert made["U"]["discriminator"]["mapping"] == {"a": ref("A")["$ref"], "b": ref("B")["$ref"]}
    assert made["U"]["oneOf"] == [ref("A"), ref("B")]


def test_members_that_cannot_be_told_apart_are_tried_beside_the_decided_ones() -> None:
    schemas = {"A": member("a"), "B": member("x"), "C": member("x"), "D": member("d", required=False)}
    made = prepared({**schemas, "U": union("A", "B", "C", "D")})
    assert made["U"] == {"anyOf": [ref("DecidedUnion1"), ref("B"), ref("C"), ref("D")]}
    assert made["DecidedUnion1"]["discriminator"]["mapping"] == {"a": ref("A")["$ref"]}


def test_where_nothing_can_be_told_apart_there_is_no_discriminator() -> None:
    made = prepared({"A": member(None), "B": member(None), "U": union("A", "B")})
    assert made["U"] == {"anyOf": [ref("A"), ref("B")]}


def test_a_union_within_a_union_is_part_of_it() -> None:
    made = prepared(
        {
            "A": member("a"),
            "B": member("b"),
            "Inner": union("A", "B"),
            "C": member("c"),
            "U": union("Inner", "C"),
        }
    )
    assert set(made["U"]["discriminator"]["mapping"]) == {"a", "b", "c"}


def test_values_are_found_behind_references_constants_and_all_of() -> None:
    schemas = {
        "Kind": {"type": "string", "const": "a"},
        "A": {"required": ["type"], "properties": {"type": ref("Kind")}},
        "B": {"allOf": [{"type": "object"}, member("b")]},
        "U": union("A", "B"),
    }
    assert set(prepared(schemas)["U"]["discriminator"]["mapping"]) == {"a", "b"}


def test_unknown_fields_are_no_deviation_and_the_input_is_left_alone() -> None:
    schemas = {"A": member("a", additionalProperties=False), "U": union("A")}
    made = prepared(schemas)
    assert "additionalProperties" not in made["A"]
    assert schemas == {"A": member("a", additionalProperties=False), "U": union("A")}


def test_lists_end_at_their_first_wrong_item() -> None:
    source = "from __future__ import annotations\nx: list[list[int] | None] = []\ny: list = []\n"
    assert failing_fast(source) == (
        "from __future__ import annotations\nfrom typing import Annotated\nfrom pydantic import Field\n"
        "x: Annotated[list[Annotated[list[int], Field(fail_fast=True)] | None], Field(fail_fast=True)] = []\n"
        "y: list = []\n"
    )
