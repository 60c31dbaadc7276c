"""Judging the fields of a request as OpenAI does: every function here raises the 400 of a bad field."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sandbox import errors
from sandbox.bodies import JsonObject


@dataclass(frozen=True)
class Kind:
    """A JSON type: how a message words it, and which values are of it."""

    name: str
    accepts: Callable[[object], bool]


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


STRING = Kind("a string", lambda value: isinstance(value, str))
BOOLEAN = Kind("a boolean", lambda value: isinstance(value, bool))
INTEGER = Kind("an integer", _is_integer)
NUMBER = Kind("a decimal", lambda value: isinstance(value, float) or _is_integer(value))
ARRAY = Kind("an array", lambda value: isinstance(value, list))
OBJECT = Kind("an object", lambda value: isinstance(value, dict))


def either(first: Kind, second: Kind) -> Kind:
    """Return the kind that takes the values of both."""
    name = f"one of {first.name} or {second.name.split(' ', 1)[1]}"
    return Kind(name, lambda value: first.accepts(value) or second.accepts(value))


STRING_OR_ARRAY = either(STRING, ARRAY)
STRING_OR_OBJECT = either(STRING, OBJECT)


def check(body: JsonObject, kinds: Mapping[str, Kind], *, within: str = "") -> None:
    """Refuse a field of another kind than the table says; ``null`` and fields that are not in it pass.

    ``within`` is the path of the object inside the request, such as ``messages[0]``.
    """
    for name, kind in kinds.items():
        value = body.get(name)
        if value is not None and not kind.accepts(value):
            raise errors.wrong_type(path(within, name), kind.name, value)


def require(body: JsonObject, names: Iterable[str], *, within: str = "") -> None:
    """Refuse a body in which one of the fields is absent or ``null``."""
    for name in names:
        if body.get(name) is None:
            raise errors.missing(path(within, name))


def named(body: JsonObject, name: str) -> str:
    """Return a string that has to be there and not be empty."""
    require(body, [name])
    check(body, {name: STRING})
    if not body[name]:
        raise errors.empty(name, "string")
    return str(body[name])


def among(body: JsonObject, name: str, supported: tuple[str, ...]) -> None:
    """Refuse a string that is not supported; one that is absent or ``null`` passes."""
    if body.get(name) is not None and body[name] not in supported:
        raise errors.unsupported(name, body[name], supported)


def bounded(body: JsonObject, name: str, low: float, high: float = float("inf")) -> None:
    """Refuse a number outside ``low`` and ``high``; one that is absent or ``null`` passes."""
    value = body.get(name)
    if value is None:
        return
    if value < low:
        raise errors.out_of_bounds(name, value, low, above=False)
    if value > high:
        raise errors.out_of_bounds(name, value, high, above=True)


def objects(values: list[object], within: str) -> list[JsonObject]:
    """Return an array whose members all have to be objects."""
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            raise errors.wrong_type(f"{within}[{index}]", OBJECT.name, value)
    return [value for value in values if isinstance(value, dict)]


def path(within: str, name: str) -> str:
    """Return the path of a field as ``param`` names it."""
    return f"{within}.{name}" if within else name
