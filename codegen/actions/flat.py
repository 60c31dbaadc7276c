"""Self-contained schemas, as the import of GPT Actions and function tools take them.

A flat schema has no reference, no choice, no null and no format; every object has `properties`, every array
`items`. What is recursive, or deeper than wanted, becomes an open object.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from codegen.actions.plain import Plain, Schemas, is_a
from codegen.contract import Document
from codegen.doors import STREAMING

DEPTH = 5
FILE_REFERENCES = "openaiFileIdRefs"


def flat(schema: Any, components: Document, depth: int = DEPTH, objects: Collection[str] = ()) -> Document:
    """Flatten `schema`, `depth` objects deep, itself the first; raises CodegenError.

    `components` are the schemas that references name; `objects` are the schema's properties in which an
    object is kept where a text might be. Deprecated properties and those of streams are left
    out; bounds and defaults stay where they fit what is left.
    """
    flattener = _Flattener(Schemas(components))
    plain = flattener.schemas.plain(schema)
    kept = {name: flattener.schemas.objects(plain.properties[name]) for name in objects}
    return flattener.form(replace(plain, properties={**plain.properties, **kept}), depth, frozenset())


def _is_decided(name: str, part: Document) -> bool:
    """Whether a field says that an operation works in the background, which its door decides."""
    return name == "background" and part["type"] == "boolean"


class _Flattener:
    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas

    def part(self, schema: Any, depth: int, above: frozenset[str]) -> Document | None:
        """The flat form of what lies inside another; None where it is deprecated, or null at most."""
        plain = self.schemas.plain(schema, above)
        return None if plain.deprecated or plain.type == "null" else self.form(plain, depth, above)

    def form(self, plain: Plain, depth: int, above: frozenset[str]) -> Document:
        above |= plain.refs
        if plain.type == "array":
            return {"type": "array", "items": self.part(plain.items, depth, above) or _open(), **plain.bounds}
        if plain.type in {"object", "null", None}:
            return self._object(plain, depth, above)
        return _primitive(plain)

    def _object(self, plain: Plain, depth: int, above: frozenset[str]) -> Document:
        if not plain.properties and plain.extra is False:
            return {"type": "object", "properties": {}}
        if depth <= 0 or not plain.properties:
            return _open(self._values(plain.extra, above))
        properties: Document = {}
        for name, schema in plain.properties.items():
            part = _references() if name == FILE_REFERENCES else self.part(schema, depth - 1, above)
            if part is not None and name not in STREAMING and not _is_decided(name, part):
                properties[name] = part
        made: Document = {"type": "object", "properties": properties}
        needed = [name for name in properties if name in plain.required]
        if needed:
            made["required"] = needed
        if plain.extra not in (None, False):
            made["additionalProperties"] = self._values(plain.extra, above)
        return made

    def _values(self, extra: Any, above: frozenset[str]) -> Document | bool:
        """What the values of fields without a name are: said where they are primitives."""
        found = self.part(extra, 0, above) if isinstance(extra, dict) else None
        return found if found is not None and "properties" not in found and "items" not in found else True


def _primitive(plain: Plain) -> Document:
    made: Document = {"type": plain.type, **plain.bounds}
    if plain.enum:
        made["enum"] = list(plain.enum)
    if plain.default is not None and _fits(plain.default, made):
        made["default"] = plain.default
    return made


def _fits(value: Any, schema: Document) -> bool:
    if not is_a(value, schema["type"]) or value not in schema.get("enum", [value]):
        return False
    size = len(value) if isinstance(value, str) else value
    lows = [schema[key] for key in ("minimum", "minLength") if key in schema]
    highs = [schema[key] for key in ("maximum", "maxLength") if key in schema]
    return all(low <= size for low in lows) and all(size <= high for high in highs)


def _open(values: Document | bool = True) -> Document:  # noqa: FBT001, FBT002 - it is a schema
    return {"type": "object", "properties": {}, "additionalProperties": values}


def _references() -> Document:
    """The one form in which ChatGPT takes the field for files, whatever the relay accepts in it."""
    return {"type": "array", "items": {"type": "string"}}
