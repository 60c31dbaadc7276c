"""Members of unions and mixtures: which is the same one as before, and what clients call it."""

from __future__ import annotations

import json
from typing import Any

from codegen.report.words import name_of, types_of

JSON = Any
Schema = dict[str, JSON]

UNIONS = ("anyOf", "oneOf")
_NAMED = frozenset({"$ref", "allOf", "properties", "enum", "const"})


def same(old: JSON, new: JSON) -> bool:
    """Whether two values are one and the same JSON; for Python, 1, 1.0 and true are equal."""
    return bool(old == new) and text_of(old) == text_of(new)


def text_of(value: JSON) -> str:
    """A value as the text that no other value has."""
    return json.dumps(value, sort_keys=True)


def less(these: list[JSON], those: list[JSON]) -> list[JSON]:
    """`these` without those that are among `those`."""
    others = set(map(text_of, those))
    return [one for one in these if text_of(one) not in others]


def bare(schema: JSON) -> JSON:
    """A schema without what says nothing about values."""
    return {key: one for key, one in schema.items() if key != "title"} if isinstance(schema, dict) else schema


def without_reference(schema: Schema) -> Schema:
    """What stands beside a `$ref`."""
    return {key: one for key, one in schema.items() if key != "$ref"}


def is_reference(schema: JSON) -> bool:
    """Whether a schema refers to another one."""
    return isinstance(schema, dict) and "$ref" in schema


def reference_of(schema: JSON) -> str | None:
    """The component that a schema is, or is a mixture of it and something of its own."""
    if not isinstance(schema, dict):
        return None
    mixed = [part for part in schema.get("allOf", []) if is_reference(part)]
    only = schema if "$ref" in schema else mixed[0] if len(mixed) == 1 else None
    return name_of(only["$ref"]) if only is not None else None


def members_of(schema: Schema) -> list[JSON]:
    """What a union may be."""
    return [member for keyword in UNIONS for member in schema.get(keyword, [])]


def tag_of(schema: JSON) -> str | None:
    """The one value of `type`, `event` or `object` that tells a member of a union from the others."""
    fields = schema.get("properties", {}) if isinstance(schema, dict) else {}
    for name in ("type", "event", "object", "role"):
        tag = fields.get(name, {})
        given = tag.get("enum", [tag["const"]] if "const" in tag else []) if isinstance(tag, dict) else []
        if len(given) == 1 and isinstance(given[0], str):
            return str(given[0])
    return None


def is_named(member: JSON) -> bool:
    """Whether a member is an object of its own kind, or names values: what clients have to expect more of."""
    return isinstance(member, dict) and not _NAMED.isdisjoint(member)


def are_of_one_type(old: JSON, new: JSON) -> bool:
    """Whether two members are so alike that one may have become the other."""
    return isinstance(old, dict) and isinstance(new, dict) and types_of(old) == types_of(new)
