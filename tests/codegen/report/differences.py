"""Every way to change a document at one place, and whether two documents differ."""

import copy
import json
from typing import Any

from codegen.errors import CodegenError
from codegen.facts import facts

JSON = Any
Document = dict[str, JSON]


def places(value: JSON, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside `value`."""
    found = [above] if above else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        found += places(one, (*above, key))
    return found


def changed(document: Document, path: tuple[Any, ...], new: JSON, *, remove: bool) -> Document:
    """`document` with the value at `path` removed or replaced."""
    result = copy.deepcopy(document)
    holder = result
    for key in path[:-1]:
        holder = holder[key]
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return result


def kept(document: Document) -> Document | None:
    """The facts of a document; None where it is none."""
    try:
        return facts(document, "small.json")
    except CodegenError:
        return None


_SETS = {"enum", "required", "anyOf", "oneOf", "allOf", "type", "tags"}


def canonical(value: JSON, key: str = "") -> str:
    """The one text of everything that means the same by the order of its sets: what differs here, differs.

    Written without a look at the comparison: JSON with sorted members, sets of distinct values sorted.
    """
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{json.dumps(one)}:{canonical(value[one], one)}" for one in sorted(value)) + "}"
        )
    if isinstance(value, list):
        parts = [canonical(one) for one in value]
        return "[" + ",".join(sorted(parts) if key in _SETS or key == "parameters" else parts) + "]"
    return json.dumps(value)
