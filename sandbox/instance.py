"""The smallest plain value that a JSON Schema takes."""

import json
from typing import Any, TypeAlias

from sandbox.bodies import JsonObject
from sandbox.bounds import plain_number
from sandbox.errors import ApiError

MAX_VALUES = 10_000
MAX_LEVELS = 64

_CHARACTERS_PER_VALUE = 100
_TEXT = "text"
_TEXT_BY_FORMAT = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

_References: TypeAlias = frozenset[str]


def minimal(schema: JsonObject, param: str, root: JsonObject | None = None) -> object:
    """Return an instance of a schema: only what is required, and of each value the first that is known.

    A value is the schema's ``const``, the first of its ``enum``, its ``default``, or a plain one of its type
    within its bounds. ``pattern``, ``uniqueItems`` and conditions are not heeded. A schema whose instance
    needs more than about 10,000 values or 64 levels, such as one that requires itself, is a 400 that names
    ``param``. References are looked up in ``root``, the schema itself where there is none.
    """
    return Builder(root or schema, param).value(schema, frozenset({"#"}), 0)


class Builder:
    """Builds one instance; ``active`` are the references that led to the value being built."""

    def __init__(self, root: JsonObject, param: str) -> None:
        self._root = root
        self._param = param
        self._left = MAX_VALUES

    def value(self, given: object, active: _References, level: int) -> object:
        """Return the instance of a schema."""
        self._spend(1, level)
        schema, active = self.flat(given, active, level)
        known = [*_given(schema, "const"), *_list(schema, "enum"), *_given(schema, "default")]
        if known:
            return self._literal(known[0], level)
        for key in ("oneOf", "anyOf"):
            if options := _list(schema, key):
                beside = {name: part for name, part in schema.items() if name != key}
                return self.value({"allOf": [beside, _choice(options, active)]}, active, level + 1)
        return self._typed(schema, active, level)

    def _typed(self, schema: JsonObject, active: _References, level: int) -> object:
        match _type(schema):
            case "object":
                return self._object(schema, active, level)
            case "array":
                return self._array(schema, active, level)
            case "string":
                return self._string(schema, level)
            case "integer" | "number" as kind:
                return plain_number(schema, whole=kind == "integer")
            case "boolean":
                return False
            case _:
                return None

    def _object(self, schema: JsonObject, active: _References, level: int) -> JsonObject:
        names = [name for name in _list(schema, "required") if isinstance(name, str)]
        self._spend(sum(map(len, names)) // _CHARACTERS_PER_VALUE, level)
        known = _dict(schema, "properties")
        return {name: self.value(known.get(name), active, level + 1) for name in names}

    def _array(self, schema: JsonObject, active: _References, level: int) -> list[Any]:
        prefix = _list(schema, "prefixItems")
        missing = max(_size(schema, "minItems", 0) - len(prefix), 0)
        # Before the list is made: a schema may ask for more items than there is memory.
        self._spend(missing, level)
        return [self.value(item, active, level + 1) for item in [*prefix, *[schema.get("items")] * missing]]

    def _string(self, schema: JsonObject, level: int) -> str:
        form = schema.get("format")
        text = _TEXT_BY_FORMAT.get(form, _TEXT) if isinstance(form, str) else _TEXT
        shortest = _size(schema, "minLength", 0)
        self._spend(shortest // _CHARACTERS_PER_VALUE, level)
        return text.ljust(shortest, ".")[: max(_size(schema, "maxLength", len(text)), shortest)]

    def _literal(self, value: object, level: int) -> object:
        self._spend(len(json.dumps(value)) // _CHARACTERS_PER_VALUE, level)
        return value

    def flat(self, given: object, active: _References, level: int) -> tuple[JsonObject, _References]:
        """Return a schema with its reference followed and its ``allOf`` merged in."""
        schema = given if isinstance(given, dict) else {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            self._spend(1, level)
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            return self.flat(self._target(reference) | beside, active | {reference}, level + 1)
        parts = _list(schema, "allOf")
        if not parts:
            return schema, active
        merged: JsonObject = {}
        for part in [*parts, {key: value for key, value in schema.items() if key != "allOf"}]:
            self._spend(1, level)
            flat, active = self.flat(part, active, level + 1)
            merged = _joined(merged, flat)
        return merged, active

    def _target(self, reference: str) -> JsonObject:
        target: object = self._root
        for step in reference.partition("#")[2].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            target = target.get(name) if isinstance(target, dict) else None
        return target if isinstance(target, dict) else {}

    def _spend(self, values: int, level: int) -> None:
        self._left -= values
        if self._left < 0 or level > MAX_LEVELS:
            message = f"Invalid schema for '{self._param}': its smallest instance is too large."
            raise ApiError(400, message, param=self._param, code="invalid_schema")


def _choice(options: list[object], active: _References) -> object:
    """Return the first option that does not lead back to where it stands."""
    for option in options:
        reference = option.get("$ref") if isinstance(option, dict) else None
        if not (isinstance(reference, str) and reference in active):
            return option
    return options[0]


def _joined(first: JsonObject, second: JsonObject) -> JsonObject:
    return {
        **first,
        **second,
        "properties": _dict(first, "properties") | _dict(second, "properties"),
        "required": _list(first, "required") + _list(second, "required"),
    }


def _type(schema: JsonObject) -> str:
    given = schema.get("type")
    names = [name for name in given if name != "null"] or ["null"] if isinstance(given, list) else [given]
    if isinstance(names[0], str):
        return names[0]
    if schema.get("properties") or schema.get("required"):
        return "object"
    return "array" if "items" in schema else "string"


def _given(schema: JsonObject, key: str) -> list[object]:
    return [schema[key]] if key in schema else []


def _dict(schema: JsonObject, key: str) -> JsonObject:
    value = schema.get(key)
    return value if isinstance(value, dict) else {}


def _list(schema: JsonObject, key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


def _size(schema: JsonObject, key: str, otherwise: int) -> int:
    value = schema.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise
