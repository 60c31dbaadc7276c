"""Searching the files of a vector store: by the words that a query and a piece of text share, never more."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from sandbox import tokens
from sandbox.bodies import JsonObject
from sandbox.content import Content

Found: TypeAlias = tuple[float, JsonObject]

# A search reads every file, so that of a large one only the beginning can count.
SEARCHED_BYTES = 1024 * 1024
_WORD = re.compile(r"\w+")
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


def chunks(content: Content, size: int) -> Iterator[str]:
    """Yield the text of the first MiB of content in pieces of at most ``size`` tokens."""
    text = content.head(SEARCHED_BYTES).decode(errors="replace")
    while text:
        piece = tokens.head(text, size)
        yield piece
        text = text[len(piece) :]


def words(text: str) -> set[str]:
    """Return the words of a text, in small letters."""
    return set(_WORD.findall(text.lower()))


def score(wanted: set[str], text: str) -> float:
    """Return which part of the wanted words a text has, between 0 and 1."""
    return len(wanted & words(text)) / len(wanted) if wanted else 0.0


def best(found: Iterator[Found], limit: int, threshold: float) -> list[JsonObject]:
    """Return the results with any score at all that is not below the threshold, best first."""
    kept = [pair for pair in found if pair[0] > 0 and pair[0] >= threshold]
    kept.sort(key=lambda pair: -pair[0])
    return [result for _, result in islice(kept, limit)]


def matches(condition: JsonObject | None, attributes: JsonObject) -> bool:
    """Whether attributes meet a comparison or a compound filter; one that is absent equals nothing."""
    if condition is None:
        return True
    kind = condition["type"]
    if kind in ("and", "or"):
        met = (matches(part, attributes) for part in condition["filters"])
        return all(met) if kind == "and" else any(met)
    actual, expected = attributes.get(condition["key"]), condition["value"]
    if kind in _ORDERED:
        return _comparable(actual, expected) and _ORDERED[kind](actual, expected)
    among = expected if kind in ("in", "nin") and isinstance(expected, list) else [expected]
    there = any(_same(actual, value) for value in among)
    return there == (kind in ("eq", "in"))


def _same(left: object, right: object) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _comparable(left: object, right: object) -> bool:
    return (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
