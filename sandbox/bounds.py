"""The plain number that a JSON Schema's bounds leave."""

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from sandbox.bodies import JsonObject

# Beyond this a float no longer tells neighbouring integers apart; such a bound is not heeded.
_EXACT = 2**53

_CHECKS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        "minimum": lambda value, bound: value >= bound,
        "exclusiveMinimum": lambda value, bound: value > bound,
        "maximum": lambda value, bound: value <= bound,
        "exclusiveMaximum": lambda value, bound: value < bound,
        "multipleOf": lambda value, step: math.isclose(round(value / step) * step, value, abs_tol=1e-9),
    }
)


def plain_number(schema: JsonObject, *, whole: bool) -> float:
    """Return a number within the bounds of a schema, zero where it may be; an integer if ``whole``.

    Where no number fits, zero is returned.
    """
    bounds = {key: schema[key] for key in _CHECKS if _usable(schema.get(key), key)}
    candidates = (number for number in _candidates(bounds) if isinstance(number, int) or not whole)
    return next((number for number in candidates if _fits(number, bounds)), 0)


def _usable(bound: object, key: str) -> bool:
    if isinstance(bound, bool) or not isinstance(bound, (int, float)):
        return False
    return abs(bound) < _EXACT and (key != "multipleOf" or bound > 1 / _EXACT)


def _fits(number: float, bounds: Mapping[str, float]) -> bool:
    return all(_CHECKS[key](number, bound) for key, bound in bounds.items())


def _candidates(bounds: Mapping[str, float]) -> Iterator[float]:
    yield 0
    step = bounds.get("multipleOf", 1)
    edges = [bound for key, bound in bounds.items() if key != "multipleOf"]
    for edge in edges:
        nearest = math.floor(edge / step)
        yield from ((nearest + offset) * step for offset in (0, 1, -1, 2))
        yield edge
    yield sum(edges) / max(len(edges), 1)
