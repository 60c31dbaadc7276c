"""Fields that moved from a component into what is made of it: gone from there, and still in every body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from codegen.report.words import name_of

JSON = Any
Schema = dict[str, JSON]


def homes(
    component: str,
    name: str,
    schemas: dict[str, Schema],
    direct: frozenset[str],
    seen: frozenset[str] = frozenset(),
) -> dict[str, JSON] | None:
    """Where the field `name`, gone from `component`, is now: what it is there, by component.

    None unless everything that is made of `component` by an allOf has the field. `direct` are components that
    operations use by themselves: what is gone from one of those is gone. `seen` are those on the way here.
    """
    if component in seen:
        return None
    part = {"$ref": f"#/components/schemas/{component}"}
    found: dict[str, JSON] = {}
    for other, schema in schemas.items():
        parts = schema.get("allOf", []) if isinstance(schema, dict) else []
        if _count(schema, part) != parts.count(part):
            return None
        if part in parts:
            field = next(_fields(schema, name, schemas, set()), None)
            inner = (
                homes(other, name, schemas, direct, seen | {component}) if field is None else {other: field}
            )
            if inner is None:
                return None
            found |= inner
    return None if component in direct or not found else found


def _fields(schema: JSON, name: str, schemas: dict[str, Schema], seen: set[str]) -> Iterator[JSON]:
    if not isinstance(schema, dict):
        return
    if name in schema.get("properties", {}):
        yield schema["properties"][name]
    for part in schema.get("allOf", []):
        yield from _fields(part, name, schemas, seen)
    reference = schema.get("$ref")
    if reference is not None and reference not in seen:
        seen.add(reference)
        yield from _fields(schemas.get(name_of(reference)), name, schemas, seen)


def _count(value: JSON, part: Schema) -> int:
    if value == part:
        return 1
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(_count(one, part) for one in inner)
