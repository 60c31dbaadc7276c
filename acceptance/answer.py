"""An answer of the relay, and what is expected of one."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


class Unmet(Exception):
    """An expectation that was not met: what was expected and what came, in words."""

    def __init__(self, expected: str, came: str) -> None:
        super().__init__(expected, came)
        self.expected = expected
        self.came = came


def equal(what: str, came: Any, expected: Any) -> None:
    """Raise Unmet unless `came` is `expected`; `what` names it in the report."""
    if came != expected:
        raise Unmet(f"{what}: {expected!r}", repr(came))


def parsed(what: str, text: bytes) -> Any:
    """The JSON value of `text`; raises Unmet."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unmet(f"{what}: JSON", shown(text)) from None


def shown(body: bytes) -> str:
    """A body for a reader."""
    return body.decode(errors="replace") or "nothing"


def member(what: str, value: Any, *place: str | int) -> Any:
    """What stands in the JSON value `value` at `place`, keys and indices; raises Unmet."""
    found = value
    for key in place:
        try:
            found = found[key]
        except (TypeError, LookupError):
            raise Unmet(f"{what}: a member {'.'.join(map(str, place))}", json.dumps(value)) from None
    return found


def items(what: str, value: Any, *place: str | int) -> list[Any]:
    """The array that stands in `value` at `place`; raises Unmet."""
    found = member(what, value, *place)
    if not isinstance(found, list):
        raise Unmet(f"{what}: an array in {'.'.join(map(str, place))}", json.dumps(found))
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `request` is its request's method and path, `media_type` without parameters."""

    request: str
    status: int
    media_type: str
    body: bytes

    def succeeded(self) -> "Answer":
        """The answer itself; raises Unmet when its status is not 200."""
        if self.status != HTTPStatus.OK:
            raise Unmet(f"{self.request}: status 200", f"{self.status} {shown(self.body)}")
        return self

    def json(self) -> Any:
        """The body's JSON value; raises Unmet."""
        return parsed(self.request, self.body)

    def at(self, *place: str | int) -> Any:
        """What stands in the body at `place`; raises Unmet."""
        return member(self.request, self.json(), *place)

    def name_at(self, *place: str | int) -> str:
        """The id that stands at `place`; raises Unmet."""
        found = self.at(*place)
        if not isinstance(found, str) or not found or not found.isascii():
            raise Unmet(f"{self.request}: an id in {'.'.join(map(str, place))}", repr(found))
        return found

    def says(self, **members: Any) -> "Answer":
        """The answer itself; raises Unmet unless it succeeded with these members."""
        self.succeeded()
        for name, value in members.items():
            equal(f"{self.request}: {name}", self.at(name), value)
        return self

    def refuses(self, status: int, code: str | None = None) -> "Answer":
        """The answer itself; raises Unmet unless it is an error of this status and code in OpenAI's shape."""
        wanted = f"{self.request}: status {status}" + (f" with code {code}" if code else "")
        came = f"{self.status} {shown(self.body)}"
        if self.status != status:
            raise Unmet(wanted, came)
        error = self.at("error")
        complete = isinstance(error, dict) and {"message", "type", "param", "code"} <= error.keys()
        if not complete or not isinstance(error["message"], str) or not isinstance(error["type"], str):
            raise Unmet(f"{wanted}, and an error of message, type, param and code", came)
        if code is not None and error["code"] != code:
            raise Unmet(wanted, came)
        return self
