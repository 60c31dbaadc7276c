"""A schema put somewhere into a document, so that a change of it is a change of what is sent or read."""

import copy
from collections.abc import Sequence
from typing import Any

from codegen.facts import facts
from codegen.report.change import Change
from codegen.report.compare import compare

JSON = Any
Document = dict[str, JSON]
Row = tuple[str, str, bool]

STEPS = ("field", "items", "map", "choice", "mixture", "component")
SENT = ("request body", "parameter", "webhook answer", "client event")
READ = ("answer", "header", "webhook body", "stream", "server event")
EVENTS = ("client event", "server event", "stream")
BOTH = "both ways"
DIRECTIONS = (*SENT, *READ, BOTH)

_HOME = "/kinds/{kind_id}"


def placed(document: Document, schema: JSON, direction: str, steps: Sequence[str]) -> Document:
    """The facts of `document` with an operation more, where `schema` stands behind `steps`."""
    made = copy.deepcopy(document)
    schemas = made["components"]["schemas"]
    for number, step in enumerate(steps):
        schema = _behind(schema, step, f"Kind{number}", schemas)
    _put(made, schema, direction)
    return facts(made, "small.json")


def told(before: Document, after: Document) -> list[Change]:
    """The changes from one state to the other."""
    return compare(before, after).changes


def rows(changes: list[Change]) -> list[Row]:
    """What a test compares: subject, what, and whether it breaks clients."""
    return sorted((change.subject, change.what, change.breaking) for change in changes)


def operation(**members: JSON) -> Document:
    """An operation with an id and an answer, unless `members` says otherwise."""
    return {"operationId": "kind", "responses": {"200": {}}, **members}


def body(schema: JSON, media_type: str = "application/json") -> Document:
    """A body or an answer of one media type."""
    return {"content": {media_type: {"schema": schema}}}


def _behind(schema: JSON, step: str, name: str, schemas: Document) -> JSON:
    holder = {"type": "object", "properties": {"inner": schema}}
    if step == "component":
        schemas[name] = schema
        return {"$ref": f"#/components/schemas/{name}"}
    made: dict[str, JSON] = {
        "field": holder,
        "items": {"type": "array", "items": schema},
        "map": {"type": "object", "additionalProperties": schema},
        "choice": {"anyOf": [holder, {"type": "null"}]},
        "mixture": {"allOf": [{"$ref": "#/components/schemas/First"}, holder]},
    }
    return made[step]


def _put(document: Document, schema: JSON, direction: str) -> None:
    schemas, name = document["components"]["schemas"], "Kind"
    if direction.endswith(" event"):
        name = "KindClientEvent" if direction == "client event" else "KindServerEvent"
    schemas[name] = schema
    reference = {"$ref": f"#/components/schemas/{name}"}
    whole = {
        "request body": operation(requestBody=body(schema)),
        "parameter": operation(parameters=[{"name": "kind", "in": "query", "schema": schema}]),
        "answer": operation(responses={"200": body(schema)}),
        "stream": operation(responses={"200": body(schema, "text/event-stream")}),
        "header": operation(responses={"200": {"headers": {"x-kind": {"schema": schema}}}}),
        BOTH: operation(requestBody=body(reference), responses={"200": body(reference)}),
    }
    events = {
        "webhook body": {"post": {"requestBody": body(schema), "responses": {}}},
        "webhook answer": {"post": {"responses": {"200": body(schema)}}},
    }
    if direction in events:
        document["webhooks"] = {**document.get("webhooks", {}), "kind.done": events[direction]}
    elif direction in whole:
        document["paths"][_HOME] = {"post": whole[direction]}
    if direction != BOTH and not direction.endswith(" event"):
        del schemas[name]
