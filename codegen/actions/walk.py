"""The parts of an OpenAPI document that limits speak of, found in any JSON object, however malformed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from codegen.contract import METHODS, Document

_REFERENCES = 20  # a chain of more is a circle
_INSIDE = ("properties", "patternProperties", "$defs")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `place` is its method, its path and its id; `parameters` are the path's and its own."""

    place: str
    method: str
    members: Document
    parameters: list[Any]


def mapping(value: Any) -> Document:
    """`value`, or an empty object where it is none."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """`value`, or an empty array where it is none."""
    return value if isinstance(value, list) else []


def operations(document: Document) -> list[Operation]:
    """The operations of `document`, in its order."""
    found = []
    for path, item in mapping(document.get("paths")).items():
        shared = sequence(mapping(item).get("parameters"))
        for method in METHODS:
            if method in mapping(item):
                members = mapping(item[method])
                name = f" ({members['operationId']})" if "operationId" in members else ""
                parameters = [*shared, *sequence(members.get("parameters"))]
                found.append(Operation(f"{method.upper()} {path}{name}", method, members, parameters))
    return found


def resolved(document: Document, value: Any) -> Document:
    """The object that `value` is, or that it refers to within `document`; empty where there is none."""
    for _ in range(_REFERENCES):
        ref = mapping(value).get("$ref")
        if not isinstance(ref, str):
            return mapping(value)
        value = _at(document, ref)
    return {}


def _at(document: Document, ref: str) -> Any:
    root, *tokens = unquote(ref).split("/")
    value: Any = document if root == "#" else None
    for token in (token.replace("~1", "/").replace("~0", "~") for token in tokens):
        steps = {str(index): part for index, part in enumerate(value)} if isinstance(value, list) else value
        value = mapping(steps).get(token)
    return value


def contents(document: Document, operation: Operation) -> Iterator[tuple[str, Document]]:
    """What an operation takes and gives, by media type, each with the place in the operation."""
    body = resolved(document, operation.members.get("requestBody"))
    yield "requestBody", mapping(body.get("content"))
    for code, answer in mapping(operation.members.get("responses")).items():
        yield f"response {code}", mapping(resolved(document, answer).get("content"))


def schemas(document: Document) -> Iterator[tuple[str, Document]]:
    """Every schema of `document` that is written out, with its place."""
    for operation in operations(document):
        for parameter in operation.parameters:
            found = resolved(document, parameter)
            yield from _schemas(found.get("schema"), f"{operation.place}: parameter {found.get('name')}")
        for place, content in contents(document, operation):
            for media in content.values():
                yield from _schemas(mapping(media).get("schema"), f"{operation.place}: {place}")
    for name, schema in mapping(mapping(document.get("components")).get("schemas")).items():
        yield from _schemas(schema, f"components.schemas.{name}")


def _schemas(schema: Any, place: str) -> Iterator[tuple[str, Document]]:
    if not isinstance(schema, dict):
        return
    yield place, schema
    for key in (*_INSIDE, *_LISTED):
        parts = schema.get(key)
        for name, part in enumerate(parts) if isinstance(parts, list) else mapping(parts).items():
            yield from _schemas(part, f"{place}/{key}/{name}")
    for key in _SINGLE:
        yield from _schemas(schema.get(key), f"{place}/{key}")
