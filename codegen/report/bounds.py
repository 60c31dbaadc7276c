"""What a changed bound, default or flag of a schema does to the values that are valid."""

from __future__ import annotations

from typing import Any, Final

from codegen.report.change import Effect

JSON = Any

ABSENT: Final = object()
"""A keyword that is not there."""

_UPPER = frozenset(
    {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "max_items", "maxProperties", "maxContains"}
)
_LOWER = frozenset(
    {"minimum", "exclusiveMinimum", "minLength", "minItems", "min_items", "minProperties", "minContains"}
)
_FLAGS = frozenset({"uniqueItems", "readOnly"})


def effect(keyword: str, old: JSON, new: JSON) -> Effect:
    """The effect of `keyword` (JSON Schema 2020-12 Validation, 6 to 9) going from `old` to `new`."""
    if keyword == "default":
        # A new default may be the old behaviour put into words; another one is another behaviour.
        return Effect.NEW if ABSENT in (old, new) else Effect.NARROWER
    if keyword in _FLAGS:
        return Effect.NARROWER if new is True else Effect.NEW
    if old is ABSENT:
        return Effect.NARROWER
    if new is ABSENT:
        return Effect.NEW
    if keyword in _UPPER | _LOWER and _are_numbers(old, new):
        return Effect.NARROWER if (new < old) == (keyword in _UPPER) else Effect.NEW
    return Effect.OTHER


def _are_numbers(*given: JSON) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in given)
