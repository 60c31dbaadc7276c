"""The contract as the sandbox reads it: what each operation of the upstream takes, and what it answers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from generated.operations import OPERATIONS
from sandbox.bodies import JsonObject

# Schemas refer to each other by this name, so that any of them can be compiled on its own.
ROOT = "urn:contract"
JSON = "application/json"
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Operation:
    """One operation of the upstream.

    ``path`` is below the upstream's base. ``parameters`` are the schemas of the query's, ``bodies`` and
    ``answers`` schemas by media type, the answers those of ``status``, the least one of success.
    ``variants`` are operations by the query pair that selects them.
    """

    operation_id: str
    method: str
    path: str
    parameters: Mapping[str, JsonObject]
    bodies: Mapping[str, JsonObject]
    status: int
    answers: Mapping[str, JsonObject]
    variants: Mapping[str, "Operation"] = field(default_factory=dict)

    @property
    def answer(self) -> JsonObject | None:
        """The schema of the JSON answer, if there is one."""
        return self.answers.get(JSON)

    @property
    def body(self) -> JsonObject | None:
        """The schema of the request's body, if there is one."""
        return next(iter(self.bodies.values()), None)

    @property
    def collection(self) -> str:
        """The path's template without a last parameter: ``/files`` of ``/files/{file_id}``."""
        head, _, last = self.path.rpartition("/")
        return head if last.startswith("{") else self.path

    @property
    def item_parameter(self) -> str | None:
        """The name of the parameter that the path ends with, if it does."""
        last = self.path.rpartition("/")[2]
        return last[1:-1] if last.startswith("{") else None


@cache
def document() -> JsonObject:
    """The served OpenAPI document, its references made absolute (``urn:contract#/…``)."""
    text = (files("generated") / "openapi.json").read_text()
    loaded: JsonObject = json.loads(text.replace('"$ref": "#/', f'"$ref": "{ROOT}#/'))
    return loaded


def target(reference: str) -> JsonObject:
    """What a reference of the document points at."""
    found: JsonObject = document()
    for step in reference.partition("#")[2].split("/")[1:]:
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def resolved(value: JsonObject) -> JsonObject:
    """A value, or what it refers to."""
    while "$ref" in value:
        value = target(value["$ref"])
    return value


@cache
def operations() -> Mapping[str, Operation]:
    """Every operation of the upstream by its id, but WebSockets; variants are within what they vary."""
    return {operation.operation_id: operation for operation in _operations()}


@cache
def paths() -> frozenset[tuple[str, str]]:
    """The method and path of every operation."""
    return frozenset((operation.method, operation.path) for operation in operations().values())


def _operations() -> Iterator[Operation]:
    for row in OPERATIONS.values():
        if row.upstream_path is not None and row.query is None and row.alias_of is None and not row.websocket:
            described = document()["paths"][row.path][row.method.lower()]
            yield _operation(row.method, row.upstream_path, described)


def _operation(method: str, path: str, described: JsonObject) -> Operation:
    answers = {int(status): answer for status, answer in described["responses"].items() if status < "300"}
    status = min(answers)
    parameters = [resolved(parameter) for parameter in described.get("parameters", [])]
    variants = described.get("x-query-variants", {})
    return Operation(
        operation_id=described["operationId"],
        method=method,
        path=path,
        parameters={part["name"]: part.get("schema", {}) for part in parameters if part["in"] == "query"},
        bodies=_schemas(resolved(described.get("requestBody", {}))),
        status=status,
        answers=_schemas(resolved(answers[status])),
        variants={query: _operation(method, path, variant) for query, variant in variants.items()},
    )


def _schemas(described: JsonObject) -> dict[str, JsonObject]:
    return {name: content.get("schema", {}) for name, content in described.get("content", {}).items()}
