"""Keywords of a schema that can be compared by themselves (JSON Schema 2020-12 Validation)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from codegen.grammar import KINDS
from codegen.report import bounds
from codegen.report.change import Change, Effect, Place
from codegen.report.members import less, same
from codegen.report.words import told, types_of, value, values

JSON = Any
INNER = (
    *("items", "contains", "additionalProperties", "unevaluatedItems", "unevaluatedProperties"),
    *("propertyNames", "contentSchema", "not", "if", "then", "else"),
)
"""Keywords that hold a schema."""
NAMED = ("patternProperties", "dependentSchemas", "$defs", "definitions")
"""Keywords that hold schemas by name, `properties` apart."""
Schema = dict[str, JSON]

_COMPARED = frozenset(
    {
        *("$ref", "type", "nullable", "properties", "required", "enum", "const"),
        *("allOf", "anyOf", "oneOf", "prefixItems", *INNER, *NAMED),
    }
)
_HARMLESS = frozenset({"title", "deprecated", "discriminator", "xml", "optional"})


def of_types(old: Schema, new: Schema, place: Place) -> Iterator[Change]:
    """Of the types that are allowed, null among them."""
    before, after = types_of(old), types_of(new)
    if before == after:
        if _written(old) != _written(new):
            detail = f"{told(old)} → {told(new)}"
            yield place.change("schema", "written otherwise", Effect.NONE, detail)
        return
    if after is None or (before is not None and before < after):
        effect = Effect.WIDER
    else:
        effect = Effect.NARROWER if before is None or before > after else Effect.OTHER
    yield place.change("type", "retyped", effect, f"{told(old)} → {told(new)}")


def _written(schema: Schema) -> tuple[JSON, JSON]:
    given = schema.get("type")
    return sorted(given) if isinstance(given, list) else given, schema.get("nullable")


def of_values(old: Schema, new: Schema, place: Place) -> Iterator[Change]:
    """Of `enum` and `const`."""
    before, after = _values(old), _values(new)
    if before is None or after is None:
        if before is not None or after is not None:
            effect = Effect.NARROWER if before is None else Effect.NEW
            what = "limited to" if before is None else "no longer limited to"
            yield place.change("values", what, effect, values(before or after or []))
        return
    if added := less(after, before):
        yield place.change("values", "added", Effect.NEW, values(added))
    if removed := less(before, after):
        yield place.change("values", "removed", Effect.GONE, values(removed))
    if not added and not removed and (("const" in old) != ("const" in new) or len(before) != len(after)):
        yield place.change("values", "written otherwise", Effect.NONE, values(after))


def _values(schema: Schema) -> list[JSON] | None:
    if "const" in schema:
        return [schema["const"]]
    found: list[JSON] | None = schema.get("enum")
    return found


def of_required(old: Schema, new: Schema, place: Place) -> Iterator[Change]:
    """Of fields that are on both sides, or on neither; what came or went says itself what it is."""
    before, after = set(old.get("required", [])), set(new.get("required", []))
    fields = (old.get("properties", {}).keys(), new.get("properties", {}).keys())
    for name in sorted(before ^ after):
        if (name in fields[0]) == (name in fields[1]):
            now, effect = ("required", Effect.NARROWER) if name in after else ("optional", Effect.WIDER)
            yield place.step(name).change("field", f"became {now}", effect)
    if before == after and len(old.get("required", [])) != len(new.get("required", [])):
        yield place.change("required", "written otherwise", Effect.NONE)
    if before == after:
        yield from of_presence("required", old, new, place)


def of_presence(keyword: str, old: Schema, new: Schema, place: Place) -> Iterator[Change]:
    """Of a keyword that is empty on one side and absent on the other: the same values, said otherwise."""
    if (keyword in old) != (keyword in new) and not old.get(keyword) and not new.get(keyword):
        yield place.change("schema", "written otherwise", Effect.NONE, f"an empty {keyword}")


def of_rest(old: Schema, new: Schema, place: Place) -> Iterator[Change]:
    """Every keyword of the grammar that was not looked at by itself."""
    others = [name for name in KINDS["schema"] if name not in _COMPARED]
    for keyword in [*others, *sorted((old.keys() | new.keys()) - KINDS["schema"].keys())]:
        before, after = old.get(keyword, bounds.ABSENT), new.get(keyword, bounds.ABSENT)
        if before is after or (bounds.ABSENT not in (before, after) and same(before, after)):
            continue
        harmless = keyword in _HARMLESS or keyword.startswith("x-")
        effect = Effect.NONE if harmless else bounds.effect(keyword, before, after)
        what = "added" if before is bounds.ABSENT else "removed" if after is bounds.ABSENT else "changed"
        said = [value(one) for one in (before, after) if one is not bounds.ABSENT]
        yield place.change(keyword, what, effect, " → ".join(said))


def of_booleans(old: JSON, new: JSON) -> Effect:
    """Of a subschema that is a boolean or absent on one side; absent is true (2020-12 Core, 4.3.2)."""
    before, after = (True if one in ({}, None) else one for one in (old, new))
    if before == after:
        return Effect.NONE
    if after is True or before is False:
        return Effect.NEW
    return Effect.NARROWER if before is True or after is False else Effect.OTHER
