"""Judging a JSON body by the contract: its structure by the table, its depth by the generated models."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

import generated.models
from generated.bodies import BODIES, Body
from generated.operations import Operation
from relay.errors import InvalidBody, InvalidJSON

_PLACE_CHARACTERS = 120
# Each error costs time while the event loop stands still; beyond this many they are only counted.
_DETAILED_ERRORS = 1_000
_INTEGER_ERRORS = ("int_type", "literal_error")


@dataclass(frozen=True, slots=True)
class Report:
    """How a body that is forwarded deviates from the contract: at least how often, and where first."""

    deviations: int
    first: str

    def header(self) -> bytes:
        """`deviations=2; first="messages.0.role"`, in visible ASCII."""
        place = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in self.first)
        first = f'; first="{place[:_PLACE_CHARACTERS]}"' if place else ""
        return f"deviations={self.deviations}{first}".encode()


class Judge:
    """Judges a JSON body in one of three strengths: `off`, `structural`, `strict`.

    `reports` counts, by operation id, the bodies of which a Report was made.
    """

    def __init__(self, strength: str, reports: Counter[tuple[str, ...]] | None = None) -> None:
        self._strength = strength
        self._adapters: dict[str, TypeAdapter[Any]] = {}
        self._reports = Counter() if reports is None else reports

    def judges(self, operation: Operation) -> bool:
        """Whether bodies of `operation` are judged at all."""
        return self._strength != "off" and operation.body_model is not None

    def refuse_unjudged(self, why: str) -> None:
        """Raise InvalidBody for a body that cannot be judged when the strength is `strict`."""
        if self._strength == "strict":
            raise InvalidBody(
                f"This relay validates strictly, and cannot judge {why}", code="unjudgeable_body"
            )

    def judge(self, operation: Operation, body: bytes) -> Report | None:
        """None for a body that fits the contract, a Report for one that deviates in its depth.

        An absent body is judged as an empty object. A number like 3600.0 is an integer, but not in a body
        with more than 1,000 errors, such numbers among them: they are counted and not looked at. Raises
        InvalidJSON, and InvalidBody for a structure that cannot be right, or for any deviation when the
        strength is `strict`.
        """
        assert operation.body_model is not None
        places = self._deviations(operation.body_model, body or b"{}")
        if places is None:
            return None
        if self._strength == "strict":
            raise _refusal(places)
        self._reports[(operation.operation_id,)] += 1
        return Report(places.total, next(iter(places.messages)))

    def insist(self, body_model: str, body: bytes) -> None:
        """Raise InvalidJSON or InvalidBody unless `body` fits that model, whatever the strength."""
        places = self._deviations(body_model, body or b"{}")
        if places is not None:
            raise _refusal(places)

    def _adapter(self, name: str) -> TypeAdapter[Any]:
        if name not in self._adapters:
            self._adapters[name] = TypeAdapter(getattr(generated.models, name))
        return self._adapters[name]

    def _deviations(self, body_model: str, body: bytes) -> "_Deviations | None":
        error = self._error(body_model, body)
        if error is None:
            return None
        try:
            value = from_json(body, allow_inf_nan=False)
        except ValueError as fault:
            raise InvalidJSON(f"The request body cannot be read as JSON: {fault}") from None
        check_structure(BODIES[body_model], value)
        details = _details(error)
        if _made_integers(details, value):
            error = self._error(body_model, to_json(value))
            if error is None:
                return None
            details = _details(error)
        if not details:
            many = error.error_count()
            return _Deviations(many, {"": f"{many} deviations from the contract"})
        places = _places(details, value)
        return _Deviations(len(places), places)

    def _error(self, body_model: str, body: bytes) -> ValidationError | None:
        try:
            self._adapter(body_model).validate_json(body, strict=True)
        except ValidationError as error:
            return error
        return None


@dataclass(frozen=True, slots=True)
class _Deviations:
    """How often a body deviates at least, and what is wrong where, deepest first."""

    total: int
    messages: dict[str, str]


def _refusal(deviations: _Deviations) -> InvalidBody:
    place, message = next(iter(deviations.messages.items()))
    about = f"Invalid value for '{place}'" if place else "Invalid request body"
    return InvalidBody(f"{about}: {message}", param=place or None, code="invalid_value")


def _details(error: ValidationError) -> list[ErrorDetails]:
    """What is wrong, one by one; none where there are too many to look at each."""
    if error.error_count() > _DETAILED_ERRORS:
        return []
    return error.errors(include_url=False, include_context=False, include_input=False)


def _places(details: list[ErrorDetails], value: Any) -> dict[str, str]:
    """What is wrong at each place of the body `value`, deepest first: dotted place to message."""
    placed = [(_place(detail, value), _said(detail)) for detail in details]
    found: dict[str, str] = {}
    for steps, message in sorted(placed, key=lambda one: -len(one[0])):
        found.setdefault(".".join(steps), message)
    return found


def _made_integers(details: list[ErrorDetails], value: Any) -> bool:
    """Whether there were numbers like 3600.0 in `value` where an integer has to be; they are integers now.

    Only the places that `details` name are looked at: a long body is not walked through for one number.
    """
    found = False
    for detail in details:
        if detail["type"] in _INTEGER_ERRORS:
            for inside, step in _steps(detail, value):
                number = inside[step]
                # JSON Schema 2020-12, 6.1.1: a number with a zero fractional part is an integer.
                if isinstance(number, float) and number.is_integer():
                    inside[step] = int(number)
                    found = True
    return found


def _steps(detail: ErrorDetails, value: Any) -> Iterator[tuple[Any, str | int]]:
    """Every object or array that a deviation may be in, with the name or index in it.

    A part of its place is a step into the body or the name of a union's member, which may be a field's too.
    """
    reached = {id(value): value}
    for part in detail["loc"]:
        for one in [one for one in reached.values() if _has(one, part)]:
            yield one, part
            reached[id(one[part])] = one[part]


def _said(detail: ErrorDetails) -> str:
    return "unknown field" if detail["type"] == "extra_forbidden" else detail["msg"]


def _place(detail: ErrorDetails, value: Any) -> list[str]:
    """Where a deviation is, without the names of union members and models that pydantic puts in between.

    What is missing has a place too.
    """
    steps = []
    for part in detail["loc"]:
        if _has(value, part):
            value = value[part]
            steps.append(str(part))
    return [*steps, str(detail["loc"][-1])] if detail["type"] == "missing" else steps


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def check_structure(rules: Body, value: Any) -> None:
    """Raise InvalidBody when a required top-level field is missing or one has the wrong primitive type."""
    if not _is_one_of(value, rules.types):
        raise InvalidBody(
            f"The request body must be {_words(rules.types)}, but it is {_words([_name(value)])}",
            code="invalid_type",
        )
    if not isinstance(value, dict):
        return
    for name in rules.required:
        if name not in value:
            raise InvalidBody(
                f"Missing required parameter: '{name}'", param=name, code="missing_required_parameter"
            )
    for name, types in rules.fields.items():
        # The API reads null as absent wherever a field is optional, though the document rarely says so.
        absent = value.get(name) is None and name not in rules.required
        if name in value and not absent and not _is_one_of(value[name], types):
            got = _words([_name(value[name])])
            raise InvalidBody(
                f"Invalid type for '{name}': expected {_words(types)}, but got {got}",
                param=name,
                code="invalid_type",
            )


def _name(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _is_one_of(value: Any, types: Iterable[str]) -> bool:
    name = _name(value)
    if name in types or (name == "integer" and "number" in types):
        return True
    # JSON Schema 2020-12, 6.1.1: a number with a zero fractional part is an integer.
    return name == "number" and "integer" in types and float(value).is_integer()


def _words(types: Iterable[str]) -> str:
    return " or ".join(
        name if name == "null" else f"{'an' if name[0] in 'aio' else 'a'} {name}" for name in types
    )
