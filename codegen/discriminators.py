"""Lets the discriminators of the served document say what is so.

Without a mapping the value of a discriminator is the name of a schema (OpenAPI 3.1.0, 4.8.25.1). OpenAI's
document has no mapping, and values such as `user` that name none: generators of code believe it all the same.
"""

from collections import Counter
from typing import Any

from codegen.contract import Document
from codegen.unions import values_of


def decided(document: Document) -> Document:
    """A copy of `document` in which each discriminator maps its values to schemas, or is not there.

    It goes where it decides nothing: where a member of the choice is no component, need not have the property
    or shares a value of it with another. What has a mapping already is left as it is.
    """
    made: Document = _decided(document, document["components"]["schemas"])
    return made


def _decided(value: Any, schemas: Document) -> Any:
    if isinstance(value, list):
        return [_decided(part, schemas) for part in value]
    if not isinstance(value, dict):
        return value
    made = {key: _decided(part, schemas) for key, part in value.items()}
    said = value.get("discriminator")
    # A property may go by that name: what it has is a schema.
    if isinstance(said, dict) and isinstance(said.get("propertyName"), str) and "mapping" not in said:
        del made["discriminator"]
        if mapping := _mapping(value, said["propertyName"], schemas):
            made["discriminator"] = {**said, "mapping": mapping}
    return made


def _mapping(union: Document, name: str, schemas: Document) -> dict[str, str]:
    members = union.get("oneOf") or union.get("anyOf") or []
    found = {member.get("$ref", ""): values_of(member, name, schemas) for member in members}
    counts = Counter(value for values in found.values() for value in values)
    if "" in found or not all(found.values()) or max(counts.values(), default=0) > 1:
        return {}
    return {value: reference for reference, values in found.items() for value in values}
