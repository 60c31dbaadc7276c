"""Compares path items, but for their operations (OpenAPI 3.1.1, 4.8.9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from codegen.grammar import KINDS, METHODS
from codegen.report.change import BOTH, Change, Effect, Place
from codegen.report.members import text_of
from codegen.report.operations import Sides, all_parameters, emptiness, leaves

JSON = Any
Document = dict[str, JSON]


def compare(sides: Sides) -> Iterator[Change]:
    """Every change of path items that the comparison of their operations does not tell."""
    before, after = sides.old.get(sides.section, {}), sides.new.get(sides.section, {})
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path, {}), after.get(path, {})
        place = Place(path, BOTH)
        others = KINDS["path item"].keys() - {*METHODS, "parameters"}
        # A path without operations is none to a client, and still a difference between the documents.
        if (path in before) != (path in after) and not any(method in old | new for method in METHODS):
            yield place.change("path", "added" if path in after else "removed", Effect.NONE)
        elif path in before and path in after and _are_moved(old, new):
            yield place.change("parameters", "written otherwise", Effect.NONE)
        for method in _common(old, new):
            at = Place(f"{method.upper()} {path}", BOTH)
            yield from emptiness(old[method], new[method], at, "parameters")
        yield from leaves(old, new, place, sorted(others))


def _common(old: Document, new: Document) -> list[str]:
    return [method for method in METHODS if method in old and method in new]


def _are_moved(old: Document, new: Document) -> bool:
    """Whether the parameters of a path differ, and those of its operations are the same for all that."""
    return _texts(old) != _texts(new) and all(
        _texts({"parameters": all_parameters(old, method)})
        == _texts({"parameters": all_parameters(new, method)})
        for method in _common(old, new)
    )


def _texts(holder: Document) -> list[str] | None:
    given = holder.get("parameters")
    return None if given is None else sorted(map(text_of, given))
