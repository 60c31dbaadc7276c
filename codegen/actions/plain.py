"""Schemas with one meaning: what is left of a JSON Schema when its references and choices are decided.

A choice is decided for what a model writes most easily: a string rather than the array or the object in its
place, one object with the fields of all rather than one of many objects. Null never counts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from codegen.contract import Document
from codegen.errors import CodegenError

_REF = "#/components/schemas/"
_LOWEST = ("minimum", "minLength", "minItems")
_HIGHEST = ("maximum", "maxLength", "maxItems")
_NUMBERS = ("integer", "number")
_PRIMITIVES = ("string", "boolean", *_NUMBERS)
_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


@dataclass(frozen=True, slots=True)
class Plain:
    """A schema of one `type`; None is any, and "null" is nothing but null.

    The schemas of `properties`, `items` and `extra` (`additionalProperties`, `unevaluatedProperties`) are
    still as the contract has them. `refs` are the components that it was made of.
    """

    type: str | None = None
    enum: tuple[Any, ...] = ()
    default: Any = None
    bounds: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Any = None
    extra: Any = None
    deprecated: bool = False
    refs: frozenset[str] = frozenset()


class Schemas:
    """Decides schemas whose references lie in `components`, schemas by name."""

    def __init__(self, components: Document) -> None:
        self._components = components

    def plain(self, schema: Any, above: frozenset[str] = frozenset()) -> Plain:
        """Decide `schema`; what lies in a component named `above` is met again, and only its type is told.

        Raises CodegenError for a reference to what is no component schema.
        """
        return _fitted(self._plain(schema, above, frozenset()))

    def objects(self, schema: Document) -> Document:
        """The choice `schema` without what is no object, as far as it is one."""
        members = [part for key in ("anyOf", "oneOf") for part in schema.get(key, ())]
        objects = [part for part in members if self.plain(part).type == "object"]
        return {"anyOf": objects} if objects else schema

    def _plain(self, schema: Any, above: frozenset[str], within: frozenset[str]) -> Plain:
        if not isinstance(schema, dict):
            return Plain()
        parts = [_own(schema)]
        if "$ref" in schema:
            parts.append(self._target(schema["$ref"], above, within))
        parts += [self._plain(part, above, within) for part in schema.get("allOf", ())]
        for keyword in ("anyOf", "oneOf"):
            if members := schema.get(keyword):
                parts.append(either([self._plain(part, above, within) for part in members]))
        return _both(parts)

    def _target(self, ref: str, above: frozenset[str], within: frozenset[str]) -> Plain:
        name = ref.removeprefix(_REF)
        if name not in self._components:
            raise CodegenError(f"spec: {ref!r} is no schema of the contract")
        if name in within:
            return Plain()
        found = self._plain(self._components[name], above, within | {name})
        if name in above:
            found = replace(found, properties={}, required=frozenset(), items=None, extra=True)
        return replace(found, refs=found.refs | {name})


def _fitted(plain: Plain) -> Plain:
    """Without what a part said of values of other types than the one that was decided for."""
    return replace(
        plain,
        enum=tuple(value for value in plain.enum if is_a(value, plain.type)),
        bounds={key: value for key, value in plain.bounds.items() if _bounds(key, plain.type)},
    )


def _own(schema: Document) -> Plain:
    """What the keywords beside references and choices say."""
    listed = _values(schema)
    values = [value for value in listed if type(value) in _TYPES]
    types = [name for name in _types(schema, values) if name != "null"]
    if not types or (listed and all(value is None for value in listed)):
        return Plain("null")
    return either([_of_type(schema, name, values) for name in types])


def _values(schema: Document) -> list[Any]:
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return listed if isinstance(listed, list) else []


def _types(schema: Document, values: list[Any]) -> list[str | None]:
    said = schema.get("type")
    if said is not None:
        return [said] if isinstance(said, str) else list(said)
    if values:
        return list(dict.fromkeys(_TYPES[type(value)] for value in values))
    if "properties" in schema or isinstance(schema.get("additionalProperties"), dict):
        return ["object"]
    return ["array"] if "items" in schema else [None]


def _of_type(schema: Document, name: str | None, values: list[Any]) -> Plain:
    bounds = {key: schema[key] for key in (*_LOWEST, *_HIGHEST) if _is_number(schema.get(key))}
    return Plain(
        name,
        enum=tuple(value for value in dict.fromkeys(values) if is_a(value, name)),
        default=schema.get("default"),
        bounds=bounds,
        properties=schema.get("properties", {}),
        required=frozenset(schema.get("required", ())),
        items=schema.get("items"),
        extra=schema.get("additionalProperties", schema.get("unevaluatedProperties")),
        deprecated=schema.get("deprecated") is True,
    )


def is_a(value: Any, name: str | None) -> bool:
    """Whether `value` is of the JSON type `name`; an integer is a number."""
    own = _TYPES.get(type(value))
    return own == name or (own == "integer" and name == "number")


def _is_number(value: Any) -> bool:
    return is_a(value, "number")


def _bounds(key: str, name: str | None) -> bool:
    kinds = {"Length": ("string",), "Items": ("array",)}
    return name in kinds.get(key[3:], _NUMBERS)


def either(members: list[Plain]) -> Plain:
    """What is left of a choice."""
    known = [member for member in members if member.type != "null"]
    if not known:
        return Plain("null")
    current = [member for member in known if not member.deprecated]
    chosen = _chosen(current or known)
    # The default of one of several members is not the default of the whole.
    if len(known) == 1:
        return known[0]
    enums = [member.enum for member in chosen]
    return Plain(
        "number" if {member.type for member in chosen} == {*_NUMBERS} else chosen[0].type,
        enum=tuple(dict.fromkeys(value for enum in enums for value in enum)) if all(enums) else (),
        bounds=_loosest(chosen),
        properties=_gathered(chosen, "anyOf"),
        required=frozenset.intersection(*(member.required for member in chosen)),
        items=_choice([member.items for member in chosen if member.items is not None], "anyOf"),
        extra=_extra(chosen),
        deprecated=not current,
        refs=_refs(known),
    )


def _chosen(members: list[Plain]) -> list[Plain]:
    """The members of the type that is kept."""
    typed = [member for member in members if member.type is not None]
    if not typed:
        return members
    strings, numbers, flags = (
        [member for member in typed if member.type in names]
        for names in (("string",), _NUMBERS, ("boolean",))
    )
    rest = [member for member in typed if member.type not in _PRIMITIVES]
    # A word that stands for the usual, like `auto`, is what leaving the field out says too.
    usual = strings and all(member.enum for member in strings)
    words = {value for member in strings for value in member.enum}
    if strings and not (usual and (numbers or (rest and len(words) == 1))):
        return strings
    return numbers or flags or [member for member in rest if member.type == rest[0].type]


def _both(parts: list[Plain]) -> Plain:
    """What holds when all of `parts` do; the first one is the nearest."""
    parts = [part for part in parts if part != Plain()] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    types = [part.type for part in parts if part.type is not None]
    enums = [part.enum for part in parts if part.enum]
    shared = tuple(value for value in enums[0] if all(value in enum for enum in enums)) if enums else ()
    return Plain(
        "integer" if {*types} == {*_NUMBERS} else next(iter(types), None),
        enum=shared or next(iter(enums), ()),
        default=next((part.default for part in parts if part.default is not None), None),
        bounds=_tightest(parts),
        properties=_gathered(parts, "allOf"),
        required=frozenset().union(*(part.required for part in parts)),
        items=_choice([part.items for part in parts if part.items is not None], "allOf"),
        extra=next((part.extra for part in parts if part.extra is not None), None),
        deprecated=any(part.deprecated for part in parts),
        refs=_refs(parts),
    )


def _refs(parts: Iterable[Plain]) -> frozenset[str]:
    return frozenset().union(*(part.refs for part in parts))


def _loosest(members: list[Plain]) -> dict[str, Any]:
    shared = [key for key in members[0].bounds if all(key in member.bounds for member in members)]
    return {key: _end(key)(member.bounds[key] for member in members) for key in shared}


def _end(key: str) -> Callable[[Iterable[Any]], Any]:
    return min if key in _LOWEST else max


def _tightest(parts: list[Plain]) -> dict[str, Any]:
    bounds: dict[str, list[Any]] = {}
    for part in parts:
        for key, value in part.bounds.items():
            bounds.setdefault(key, []).append(value)
    return {key: (max if key in _LOWEST else min)(values) for key, values in bounds.items()}


def _gathered(parts: list[Plain], keyword: str) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for part in parts:
        for name, schema in part.properties.items():
            found.setdefault(name, []).append(schema)
    return {name: _choice(schemas, keyword) for name, schemas in found.items()}


def _choice(schemas: list[Any], keyword: str) -> Any:
    if not schemas:
        return None
    different = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
    return different[0] if len(different) == 1 else {keyword: different}


def _extra(members: list[Plain]) -> Any:
    said = [member.extra for member in members if member.extra not in (None, False)]
    return None if not said else said[0] if all(extra == said[0] for extra in said) else True
