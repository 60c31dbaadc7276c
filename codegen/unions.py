"""Prepares schemas for datamodel-code-generator: unions that their discriminators really decide."""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any

from codegen.contract import Document

_REF = "#/components/schemas/"


def prepared(schemas: Document) -> Document:
    """A copy of `schemas` (by name) in the form that the generator gets right."""
    result = copy.deepcopy(schemas)
    preparation = _Preparation(schemas)
    for schema in result.values():
        preparation.prepare(schema)
    return result | preparation.decided


class _Preparation:
    """One walk; `decided` collects the unions it makes, by name."""

    def __init__(self, schemas: Document) -> None:
        self._schemas = schemas
        self.decided: Document = {}

    def prepare(self, value: Any) -> None:
        """Prepare a schema and those inside it, in place."""
        if isinstance(value, list):
            for part in value:
                self.prepare(part)
        elif isinstance(value, dict):
            # A field that the document does not know yet is no deviation: it goes upstream.
            if value.get("additionalProperties") is False:
                del value["additionalProperties"]
            # What the relay itself reads has no such fields. The generator knows the older keyword alone.
            if value.pop("unevaluatedProperties", None) is False:
                value["additionalProperties"] = False
            for part in value.values():
                self.prepare(part)
            if isinstance(value.get("discriminator"), dict) and "propertyName" in value["discriminator"]:
                self._discriminate(value)

    def _discriminate(self, union: Document) -> None:
        """Let the discriminator decide between the members it can tell apart, and have the rest tried.

        Without a mapping the generator takes schema names for the discriminator's values, and a union within
        a union keeps its discriminator only under a name of its own.
        """
        prop = union.pop("discriminator")["propertyName"]
        members = list(self._members(union))
        for keyword in ("oneOf", "anyOf"):
            union.pop(keyword, None)
        counts = Counter(value for member in members for value in values_of(member, prop, self._schemas))
        mapping: dict[str, str] = {}
        rest: list[Document] = []
        for member in members:
            values = values_of(member, prop, self._schemas)
            if "$ref" in member and values and all(counts[value] == 1 for value in values):
                mapping.update(dict.fromkeys(values, str(member["$ref"])))
            else:
                rest.append(member)
        decided = _decided(prop, mapping)
        if not rest:
            union.update(decided)
        else:
            union["anyOf"] = [*([self._named(decided)] if mapping else []), *rest]

    def _named(self, decided: Document) -> Document:
        name = f"DecidedUnion{len(self.decided) + 1}"
        self.decided[name] = decided
        return {"$ref": _REF + name}

    def _members(self, union: Document) -> Iterator[Document]:
        """The members of `union`, and of the unions among them."""
        for member in union.get("oneOf") or union.get("anyOf") or []:
            inner = self._schemas.get(str(member.get("$ref", "")).removeprefix(_REF), {})
            if "discriminator" in inner:
                yield from self._members(inner)
            else:
                yield {"$ref": member["$ref"]} if "$ref" in member else member


def values_of(schema: Document, prop: str, schemas: Document) -> list[str]:
    """The constant values that the property `prop` must have in `schema`; none where it may be absent.

    `schemas` are the components by name.
    """
    if "$ref" in schema:
        return values_of(schemas[schema["$ref"].removeprefix(_REF)], prop, schemas)
    found = schema.get("properties", {}).get(prop)
    if isinstance(found, dict) and prop in schema.get("required", []):
        if "$ref" in found:
            found = schemas[found["$ref"].removeprefix(_REF)]
        values = found.get("enum", [found["const"]] if "const" in found else [])
        return [value for value in values if isinstance(value, str)]
    return [value for part in schema.get("allOf", []) for value in values_of(part, prop, schemas)]


def _decided(prop: str, mapping: dict[str, str]) -> Document:
    return {
        "oneOf": [{"$ref": ref} for ref in dict.fromkeys(mapping.values())],
        "discriminator": {"propertyName": prop, "mapping": mapping},
    }
