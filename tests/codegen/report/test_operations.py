"""Every kind of change of an operation is told as what it is, and breaks whom it breaks."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from codegen.facts import facts
from tests.codegen.report.differences import Document, kept
from tests.codegen.report.documents import DOCUMENTS
from tests.codegen.report.scenes import Row, body, operation, rows, told

JSON = Any

RUN = settings(
    max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
TEXT, COUNT = {"type": "string"}, {"type": "integer"}
NAMED = [
    {"type": "object", "properties": {"type": {"type": "string", "enum": [name]}}, "required": ["type"]}
    for name in ("kind.begun", "kind.ended")
]


def query(schema: JSON = TEXT, **members: JSON) -> Document:
    return {"name": "one", "in": "query", "schema": schema, **members}


def item(path: str = "/kinds/{kind_id}", method: str = "post", **members: JSON) -> Document:
    return {"paths": {path: {method: operation(**members)}}}


def answer(**members: JSON) -> Document:
    return item(responses={"200": members})


def parameters(*given: JSON) -> Document:
    return item(parameters=list(given))


EMPTY = item()
WEBHOOK = {**EMPTY, "webhooks": {"kind.done": {"post": {"responses": {}}}}}
STREAM, SHORT_STREAM = (
    answer(**body({"oneOf": members}, "text/event-stream")) for members in (NAMED, NAMED[:1])
)

# From what to what, how it is told, and how the way back is told.
KINDS: dict[str, tuple[Document, Document, list[Row], list[Row]]] = {
    "operation": (
        {"paths": {}},
        EMPTY,
        [("operation", "added", False)],
        [("operation", "removed", True)],
    ),
    "webhook": (EMPTY, WEBHOOK, [("operation", "added", False)], [("operation", "removed", True)]),
    "method": (
        EMPTY,
        item(method="put", operationId="other"),
        [("operation", "added", False), ("operation", "removed", True)],
        [("operation", "added", False), ("operation", "removed", True)],
    ),
    "path": (EMPTY, item("/other"), [("operation", "moved", True)], [("operation", "moved", True)]),
    "name in the path": (
        EMPTY,
        item("/kinds/{id}"),
        [("operation", "moved", False)],
        [("operation", "moved", False)],
    ),
    "id": (
        EMPTY,
        item(operationId="other"),
        [("operation id", "renamed", False)],
        [("operation id", "renamed", False)],
    ),
    "deprecation": (
        EMPTY,
        item(deprecated=True),
        [("operation", "deprecated", False)],
        [("operation", "no longer deprecated", False)],
    ),
    "security": (EMPTY, item(security=[]), [("security", "added", True)], [("security", "removed", True)]),
    "tags": (EMPTY, item(tags=["Kind"]), [("tags", "added", False)], [("tags", "removed", False)]),
    "parameter": (
        EMPTY,
        parameters(query()),
        [("parameter", "added", False)],
        [("parameter", "removed", True)],
    ),
    "required parameter": (
        EMPTY,
        parameters(query(required=True)),
        [("parameter", "added", True)],
        [("parameter", "removed", True)],
    ),
    "parameter's need": (
        parameters(query()),
        parameters(query(required=True)),
        [("parameter", "became required", True)],
        [("parameter", "became optional", False)],
    ),
    "parameter's type": (
        parameters(query()),
        parameters(query(COUNT)),
        [("type", "retyped", True)],
        [("type", "retyped", True)],
    ),
    "parameter's place": (
        parameters(query()),
        parameters({**query(), "in": "header"}),
        [("parameter", "added", False), ("parameter", "removed", True)],
        [("parameter", "added", False), ("parameter", "removed", True)],
    ),
    "parameter's name": (
        parameters(query()),
        parameters({**query(), "name": "two"}),
        [("parameter", "added", False), ("parameter", "removed", True)],
        [("parameter", "added", False), ("parameter", "removed", True)],
    ),
    "parameter's deprecation": (
        parameters(query()),
        parameters(query(deprecated=True)),
        [("parameter", "deprecated", False)],
        [("parameter", "no longer deprecated", False)],
    ),
    "body": (
        EMPTY,
        item(requestBody=body(TEXT)),
        [("request body", "added", False)],
        [("request body", "removed", True)],
    ),
    "required body": (
        EMPTY,
        item(requestBody={**body(TEXT), "required": True}),
        [("request body", "added", True)],
        [("request body", "removed", True)],
    ),
    "body's need": (
        item(requestBody=body(TEXT)),
        item(requestBody={**body(TEXT), "required": True}),
        [("request body", "became required", True)],
        [("request body", "became optional", False)],
    ),
    "media type sent": (
        item(requestBody=body(TEXT)),
        item(requestBody={"content": {**body(TEXT)["content"], "application/new": {}}}),
        [("media type", "added", False)],
        [("media type", "removed", True)],
    ),
    "media type read": (
        answer(**body(TEXT)),
        answer(content={**body(TEXT)["content"], "application/new": {}}),
        [("media type", "added", False)],
        [("media type", "removed", True)],
    ),
    "success": (
        EMPTY,
        item(responses={"200": {}, "202": {}}),
        [("response", "added", False)],
        [("response", "removed", True)],
    ),
    "failure": (
        EMPTY,
        item(responses={"200": {}, "429": {}}),
        [("response", "added", False)],
        [("response", "removed", False)],
    ),
    "event": (SHORT_STREAM, STREAM, [("event", "added", False)], [("event", "removed", True)]),
    "header": (
        EMPTY,
        answer(headers={"x-kind": {"schema": TEXT}}),
        [("header", "added", False)],
        [("header", "removed", True)],
    ),
}


def with_more(document: Document, more: Document) -> Document:
    """The facts of `document` with other paths and webhooks besides its own."""
    made = copy.deepcopy(document)
    for section, members in more.items():
        made[section] = {**made.get(section, {}), **members}
    return facts(made, "small.json")


@RUN
@given(DOCUMENTS)
def test_a_change_of_an_operation_is_told_as_what_it_is(document: Document) -> None:
    assume(kept(document) is not None)
    # A section that only one state has would be told besides.
    document = {**document, "webhooks": {**document.get("webhooks", {}), "kind": {}}}
    for name, (before, after, there, back) in KINDS.items():
        states = with_more(document, before), with_more(document, after)
        assert rows(told(*states)) == sorted(there), name
        assert rows(told(*reversed(states))) == sorted(back), name


@pytest.mark.parametrize("name", ["deprecation", "parameter", "media type read", "event"])
def test_a_change_of_an_operation_names_it(name: str) -> None:
    before, after, _, _ = KINDS[name]
    empty: Document = {"openapi": "3.1.0", "info": {"title": "Small", "version": "1"}}
    (change,) = told(with_more(empty, before), with_more(empty, after))
    assert (change.where, change.operations) == ("POST /kinds/{kind_id}", ("kind",))
