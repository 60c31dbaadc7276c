"""References of a document: what they lead to, and that they lead elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from codegen.report.change import Change, Effect, Place
from codegen.report.members import same
from codegen.report.words import name_of

JSON = Any
Document = dict[str, JSON]


def target_of(reference: str, document: Document) -> JSON:
    """What a reference leads to (RFC 6901, section 6), which may refer on; None where that is nothing."""
    root, *steps = unquote(reference).split("/")
    found: JSON = document
    for step in (step.replace("~1", "/").replace("~0", "~") for step in steps):
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, dict) and step in found:
            found = found[step]
        else:
            return None
    return found if root == "#" else None


def followed(given: JSON, document: Document) -> Document:
    """A component, or what a Reference Object refers to (OpenAPI 3.1.1, 4.8.23)."""
    seen = set()
    while isinstance(given, dict) and "$ref" in given and given["$ref"] not in seen:
        seen.add(given["$ref"])
        given = target_of(given["$ref"], document)
    return given if isinstance(given, dict) else {}


def changes(old: JSON, new: JSON, place: Place) -> Iterator[Change]:
    """Of a reference that came, went or leads elsewhere; what it leads to is compared besides."""
    before, after = (one.get("$ref") if isinstance(one, dict) else None for one in (old, new))
    if before != after:
        detail = f"{name_of(before or '') or 'in place'} → {name_of(after or '') or 'in place'}"
        yield place.change("reference", "refers elsewhere", Effect.NONE, detail)


def is_left(old: JSON, new: JSON) -> bool:
    """Whether both are the same reference, whose component is compared by itself."""
    return isinstance(old, dict) and "$ref" in old and same(old, new)
