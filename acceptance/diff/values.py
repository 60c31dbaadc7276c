"""JSON values of two answers, compared by value, each difference with its place."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from acceptance.diff.finding import NOTHING, Finding

_MADE = "is made anew for each request"
_TIME = "is a time"
_LACKING = object()
_TEXTS = frozenset({"id", "system_fingerprint", "obfuscation"})
_MEMBER_LENGTH = 60
_MOST_LEVELS = 100


class NoJSON(ValueError):
    """A body that is not JSON, or that nobody can read."""


def parsed(text: bytes) -> Any:
    """The value of `text`, numbers as exact as written; raises NoJSON, and for one of over 100 levels."""
    try:
        value = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        raise NoJSON from None
    level, depth = [value], 0
    while level:
        if (depth := depth + 1) > _MOST_LEVELS:
            raise NoJSON
        level = [item for outer in level if isinstance(outer, list | dict) for item in _items(outer)]
    return value


def _items(value: list[Any] | dict[str, Any]) -> list[Any]:
    return value if isinstance(value, list) else list(value.values())


def differing(place: str, direct: Any, relayed: Any, *, makes: bool) -> Iterator[Finding]:
    """Where two values differ, in the order of the first one.

    `makes`: the request makes something, so that ids and times are of each answer.
    """
    left = [(place, "", direct, relayed)]
    while left:
        at, name, here, there = left.pop()
        if isinstance(here, dict) and isinstance(there, dict):
            members = [
                (_member(at, key), key, here.get(key, _LACKING), there.get(key, _LACKING))
                for key in {**here, **there}
            ]
            left += reversed(members)
        elif isinstance(here, list) and isinstance(there, list):
            length = max(len(here), len(there))
            items = [
                (f"{at}[{index}]", "", _item(here, index), _item(there, index)) for index in range(length)
            ]
            left += reversed(items)
        elif not _same(here, there):
            yield Finding(
                at or "body", shown(here), shown(there), _reason(name, here, there) if makes else ""
            )


def shown(value: Any) -> str:
    """A value for a reader."""
    return NOTHING if value is _LACKING else json.dumps(value, ensure_ascii=False, default=str)


def bare(value: Any, *, makes: bool) -> Any:
    """`value` without what is of each answer: what an event is known by."""
    if isinstance(value, dict):
        return {
            name: None if makes and _reason(name, item, item) else bare(item, makes=makes)
            for name, item in value.items()
        }
    return [bare(item, makes=makes) for item in value] if isinstance(value, list) else value


def _same(here: Any, there: Any) -> bool:
    # To Python, true is 1.
    return bool(here == there) and isinstance(here, bool) == isinstance(there, bool)


def _member(place: str, name: str) -> str:
    plain = name.isidentifier()
    shown_name = name if plain else json.dumps(name[:_MEMBER_LENGTH], ensure_ascii=False)
    return (
        f"{place}.{shown_name}" if place and plain else f"{place}[{shown_name}]" if not plain else shown_name
    )


def _item(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else _LACKING


def _reason(name: str, here: Any, there: Any) -> str:
    texts = isinstance(here, str) and isinstance(there, str)
    if texts and (name in _TEXTS or name.endswith("_id")):
        return _MADE
    number = (int, Decimal)
    times = name == "created" or name.endswith("_at")
    return _TIME if times and isinstance(here, number) and isinstance(there, number) else ""
