"""Schemas and values in a few words, for a line of the report."""

from __future__ import annotations

import json
from typing import Any

JSON = Any
_LONGEST = 90
_MANY = 12
_FEW = 3


def short(text: str, longest: int = _LONGEST) -> str:
    """`text`, cut where it is too long for its line."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def value(given: JSON) -> str:
    """A JSON value as it is written, cut where it is long."""
    return short(json.dumps(given, ensure_ascii=False, sort_keys=True))


def values(given: list[JSON]) -> str:
    """Values in a list, as many as are worth reading; then how many more there are."""
    more = f" and {len(given) - _MANY} more" if len(given) > _MANY else ""
    return ", ".join(map(value, given[:_MANY])) + more


def name_of(reference: str) -> str:
    """The name of a component, with the steps to what lies inside it; any other reference as it is."""
    within = reference.removeprefix("#/components/")
    return within.partition("/")[2] if within != reference else reference


def types_of(schema: dict[str, JSON]) -> frozenset[str] | None:
    """The types that a schema allows, `nullable` read as OpenAPI 3.0 means it; None for all of them."""
    given = schema.get("type")
    if given is None:
        return None
    types = {given} if isinstance(given, str) else set(given)
    return frozenset(types | ({"null"} if schema.get("nullable") is True else set()))


def told(schema: JSON, levels: int = 2) -> str:
    """A schema in a few words: `string`, `array of Tool`, `integer or null`, `one of "a", "b"`."""
    return short(_told(schema, levels))


def _told(schema: JSON, levels: int) -> str:
    if not isinstance(schema, dict):
        return "anything" if schema else "nothing"
    if "$ref" in schema:
        return name_of(schema["$ref"])
    members = [member for keyword in ("anyOf", "oneOf") for member in schema.get(keyword, [])]
    if members:
        return " or ".join(_told(member, levels - 1) for member in members) if levels else "a choice"
    if "allOf" in schema:
        return (
            " and ".join(_told(member, levels - 1) for member in schema["allOf"]) if levels else "a mixture"
        )
    if "const" in schema or "enum" in schema:
        return "one of " + values(schema.get("enum", [schema.get("const")]))
    return _typed(schema, levels)


def _typed(schema: dict[str, JSON], levels: int) -> str:
    types = types_of(schema)
    if types is None:
        return "anything" if not schema else "a schema without type"
    if "items" in schema and levels:
        others = sorted(types - {"array"})
        return " or ".join([f"array of {_told(schema['items'], levels - 1)}", *others])
    if types == {"object"} and schema.get("properties") and levels:
        names = sorted(schema["properties"])
        return f"object of {', '.join(names[:_FEW])}" + (", …" if len(names) > _FEW else "")
    form = f" ({schema['format']})" if "format" in schema else ""
    return " or ".join(sorted(types, key=lambda name: (name == "null", name))) + form
