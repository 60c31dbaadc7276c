"""The contract as the tests use it: which operation a request is, and the least body that it takes."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from generated.operations import OPERATIONS, Operation
from sandbox.instance import minimal
from tests.parity.python.arguments import FILE
from tests.parity.python.values import WANTED
from tests.servers import PROJECT

JSON = "application/json"


@dataclass(frozen=True)
class Body:
    """What a request is sent with: fields by name, of which those that are tuples are files."""

    media_type: str
    fields: dict[str, Any]

    def sent(self) -> dict[str, Any]:
        """The body as httpx takes it."""
        if self.media_type == JSON and not any(isinstance(value, tuple) for value in self.fields.values()):
            return {"json": self.fields}
        # A field without a file name is a part like any other, so that no body is urlencoded.
        parts = [
            (name, value if isinstance(value, tuple) else (None, _text(value)))
            for name, value in self.fields.items()
        ]
        return {"files": parts}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def is_parameter(segment: str) -> bool:
    """Whether a segment of a path template stands for any value."""
    return segment.startswith("{")


def find(method: str, path: str, query: str = "") -> Operation | None:
    """The operation that serves a request; parameters of either path stand for any value."""
    fitting = [
        operation
        for operation in _documented()
        if operation.method == method and _fits(operation.path, path)
        if operation.query is None or operation.query in query.split("&")
    ]
    # A literal segment outdoes a parameter (OpenAPI 3.1, Paths Object), and a variant the plain operation.
    return min(fitting, key=lambda found: (found.path.count("{"), found.query is None), default=None)


def _fits(template: str, path: str) -> bool:
    ours, theirs = template.split("/"), path.split("/")
    pairs = zip(ours, theirs, strict=False)
    return len(ours) == len(theirs) and all(a == b or is_parameter(a) for a, b in pairs)


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((PROJECT / "generated" / "openapi.json").read_text())
    return document


@cache
def _documented() -> tuple[Operation, ...]:
    """The operations that the served document shows; a hidden path has no schema to fill."""
    paths = _document()["paths"]
    return tuple(one for one in OPERATIONS.values() if one.method.lower() in paths.get(one.path, {}))


@cache
def _described(operation: Operation) -> dict[str, Any]:
    described = _document()["paths"][operation.path][operation.method.lower()]
    if operation.query is not None:
        described = described["x-query-variants"][operation.query]
    assert described["operationId"] == operation.operation_id
    found: dict[str, Any] = described
    return found


@cache
def least_body(operation: Operation) -> Body | None:
    """The smallest body by the contract; None where there is none, or none of named fields."""
    content = _described(operation).get("requestBody", {}).get("content", {})
    for media_type in (JSON, "multipart/form-data"):
        if media_type in content:
            return _body(operation, media_type, content[media_type]["schema"])
    return None


def _body(operation: Operation, media_type: str, schema: dict[str, Any]) -> Body | None:
    fields = minimal(schema, operation.operation_id, _document())
    if not isinstance(fields, dict):
        return None
    binary = [name for name in fields if media_type != JSON and _is_binary(_resolved(schema), name)]
    return Body(media_type, fields | dict.fromkeys(binary, FILE) | wanted(operation))


def wanted(operation: Operation) -> dict[str, Any]:
    """What the API wants besides, though the document lets it be left out or takes any value."""
    return WANTED.get(operation.operation_id, {})


def _is_binary(schema: dict[str, Any], name: str) -> bool:
    field = schema.get("properties", {}).get(name, {})
    parts = [field, *field.get("anyOf", ()), *field.get("oneOf", ())]
    return any("binary" in (part.get("format"), part.get("items", {}).get("format")) for part in parts)


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    resolved: dict[str, Any] = _document()["components"]["schemas"][name]
    return resolved


def least_query(operation: Operation) -> dict[str, Any]:
    """The query parameters that the contract requires, each with its smallest value."""
    return {
        one["name"]: minimal(one["schema"], one["name"], _document())
        for one in _described(operation).get("parameters", ())
        if one["in"] == "query" and one.get("required")
    }


def collection_of(name: str) -> str | None:
    """The path to POST to for a new object that a body names as `name` (`file_id`, `assistant_id`, …)."""
    for operation in _documented():
        collection, _, last = operation.path.rpartition("/")
        if last == f"{{{name}}}" and "{" not in collection and find("POST", collection):
            return collection
    return None
