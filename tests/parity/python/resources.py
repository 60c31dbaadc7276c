"""What path parameters and bodies refer to, made through the API itself, the same on both sides."""

from collections.abc import Iterable
from typing import Any

import httpx2

from tests.parity.python import contract
from tests.parity.python.arguments import text
from tests.parity.python.calls import Request
from tests.parity.python.sides import Pair
from tests.parity.python.values import BELOW, CALLED, REFERRED, STATES, State

_LOOKS = 10

Made = dict[str, Any]


class Resources:
    """Objects by the collection they are in; an object that only is read may serve several calls."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._read: dict[tuple[str, str], str] = {}

    def of(self, requests: Iterable[Request], *, fresh: bool) -> dict[str, Any]:
        """A value for each argument that the paths of `requests` name; each of a new object, when `fresh`.

        Where an operation wants an object in some state all are new, with what else that state tells.
        """
        values: dict[str, Any] = {}
        for request in requests:
            segments, state = request.path.split("/"), _state(request)
            names = [segment.strip("{}") for segment in segments if contract.is_parameter(segment)]
            for name in names:
                if name in values:
                    continue
                template = segments[: segments.index(f"{{{name}}}") + 1]
                if state and name == (state.parameter or names[-1]):
                    values |= self._in_state(state, template, values)
                else:
                    values[name] = self._at(template, values, fresh=fresh or state is not None)
        return values

    def referred(self, arguments: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
        """The arguments whose values are ids of other objects, with ids of objects that are there.

        `values` are those of the path's parameters.
        """
        found: dict[str, Any] = {}
        for name, value in arguments.items():
            collection = BELOW.get(name) or contract.collection_of(CALLED.get(name, name))
            if collection is not None:
                path = collection.format(**values)
                made = self._new(collection, path, name, fresh=False)
                found[name] = [made] if isinstance(value, list) else made
        return found

    def _at(self, template: list[str], values: dict[str, str], *, fresh: bool) -> str:
        above, path = _above(template, values)
        known = contract.find("GET", "/".join(template)) or contract.find("DELETE", "/".join(template))
        name = (known.path.split("/")[-1] if known else template[-1]).strip("{}")
        return self._new(above, path, name, fresh=fresh)

    def _in_state(self, state: State, template: list[str], values: dict[str, str]) -> dict[str, Any]:
        """The id of a new object in a state, by the name of the parameter, and what else the state tells."""
        above, path = (state.collection,) * 2 if state.collection else _above(template, values)
        answer = self._post(above, path, state.fields)
        assert answer is not None
        made: Made = answer.raise_for_status().json()
        for _ in range(_LOOKS):
            if state.until in (None, made["status"]):
                return {template[-1].strip("{}"): made[state.named or "id"], **state.arguments(made)}
            made = self._pair.ask("GET", f"{path}/{made['id']}").raise_for_status().json()
        raise AssertionError(f"{path}/{made['id']} never became {state.until}")

    def _new(self, template: str, path: str, name: str, *, fresh: bool) -> str:
        if not fresh and (path, name) in self._read:
            return self._read[path, name]
        parameter = CALLED.get(name, name)
        made = self._post(template, path, REFERRED.get(name, {}))
        identity = _id_in(made, parameter) if made is not None else None
        if identity is None:
            return self._listed(template, path, parameter) or text(parameter)
        if not fresh:
            self._read[path, name] = identity
        return identity

    def _post(self, template: str, path: str, more: dict[str, Any]) -> httpx2.Response | None:
        """The answer to a new object for the collection, of the least body and what `more` says."""
        operation = contract.find("POST", template)
        if operation is None:
            return None
        body = contract.least_body(operation)
        if body is None:
            return self._pair.ask("POST", path)
        fields = body.fields | self.referred(body.fields, {}) | more
        return self._pair.ask("POST", path, **contract.Body(body.media_type, fields).sent())

    def _listed(self, template: str, path: str, name: str) -> str | None:
        return _id_in(self._pair.ask("GET", path), name) if contract.find("GET", template) else None


def _state(request: Request) -> State | None:
    operation = request.operation
    return STATES.get(operation.operation_id) if operation else None


def _above(template: list[str], values: dict[str, str]) -> tuple[str, str]:
    """The template and the path of the collection that an object of this template is in."""
    above = template[:-1]
    filled = [values[part.strip("{}")] if contract.is_parameter(part) else part for part in above]
    return "/".join(above), "/".join(filled)


def _id_in(answer: httpx2.Response, name: str) -> str | None:
    if "location" in answer.headers:
        return answer.headers["location"].rpartition("/")[2]
    if not answer.is_success or "json" not in answer.headers.get("content-type", ""):
        return None
    found = answer.json()
    rows = found.get("data")
    if "id" not in found and isinstance(rows, list) and rows:
        found = rows[0]
    identity = found.get(name, found.get("id"))
    return identity if isinstance(identity, str) else None
