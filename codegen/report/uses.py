"""Which operations use a component, and which way its values go: in a request, in an answer, or both."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from codegen.grammar import METHODS
from codegen.report.change import BOTH, REQUEST, RESPONSE

JSON = Any
Document = dict[str, JSON]

_COMPONENTS = "#/components/"
_SCHEMAS = f"{_COMPONENTS}schemas/"
_EVENT_STREAM = "text/event-stream"
# What is sent over WebSockets stands in the document without an operation.
_EVENTS = {
    REQUEST: re.compile(r"ClientEvent\Z"),
    RESPONSE: re.compile(r"(Stream|Server)Event\Z"),
}


class Uses:
    """The uses of the components of both states; a component is named as in its reference, `schemas/Tool`."""

    def __init__(self, *documents: Document) -> None:
        self._found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for document in documents:
            for user, direction, part in _roots(document):
                for name in _reached(part, document):
                    self._found[name].add((user, direction))

        self._events = {
            reference.removeprefix(_SCHEMAS)
            for document in documents
            for reference in _streamed(document.get("paths", {}))
        }

    def are_events(self, schema: str) -> bool:
        """Whether the members of a schema are events of a stream or of a WebSocket."""
        return schema in self._events or any(pattern.search(schema) for pattern in _EVENTS.values())

    def directions(self, name: str) -> frozenset[str]:
        """Where values of a component go; both ways where no operation tells."""
        return frozenset(direction for _, direction in self._found.get(name, ())) or BOTH

    def operations(self, name: str) -> tuple[str, ...]:
        """The ids of the operations that use a component, in the order of the alphabet."""
        return tuple(sorted({user for user, _ in self._found.get(name, ()) if user}))


def _roots(document: Document) -> Iterator[tuple[str, str, JSON]]:
    """Each part of each operation that values go through: operation id, direction, part.

    The id is empty for the events of WebSockets, which the document has no operations for.
    """
    for name in document.get("components", {}).get("schemas", {}):
        for direction, pattern in _EVENTS.items():
            if pattern.search(name):
                yield "", direction, {"$ref": f"{_SCHEMAS}{name}"}
    for section, sent, got in (("paths", REQUEST, RESPONSE), ("webhooks", RESPONSE, REQUEST)):
        for key, item in document.get(section, {}).items():
            for method in (method for method in METHODS if method in item):
                operation = item[method]
                user = operation.get("operationId", f"{method.upper()} {key}")
                for part in ("requestBody", "parameters"):
                    yield user, sent, operation.get(part)
                yield user, sent, item.get("parameters")
                yield user, got, operation.get("responses")


def _streamed(part: JSON) -> Iterator[str]:
    """The references of the schemas of event streams."""
    if isinstance(part, list):
        for value in part:
            yield from _streamed(value)
    elif isinstance(part, dict):
        stream = part.get(_EVENT_STREAM)
        schema = stream.get("schema") if isinstance(stream, dict) else None
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in part.values():
            yield from _streamed(value)


def _reached(part: JSON, document: Document) -> set[str]:
    found: set[str] = set()
    waiting = [part]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            reference = value.get("$ref")
            if isinstance(reference, str) and reference.startswith(_COMPONENTS):
                name = reference.removeprefix(_COMPONENTS)
                if name not in found:
                    found.add(name)
                    kind, _, last = name.partition("/")
                    waiting.append(document.get("components", {}).get(kind, {}).get(last))
    return found
