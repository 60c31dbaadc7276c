"""The overlay names what ends each stream, in the names that the contract's events have."""

from typing import Any

import pytest

from codegen import contract, ends
from codegen.contract import Route
from codegen.errors import CodegenError
from generated.operations import OPERATIONS
from tests.servers import PROJECT

REF = "#/components/schemas/"
COMPONENTS: dict[str, Any] = {
    "Begun": {"properties": {"type": {"type": "string", "enum": ["thing.begun"]}}},
    "Over": {"allOf": [{"properties": {"type": {"const": "thing.over"}}}, {"required": ["type"]}]},
    "Apart": {"properties": {"event": {"enum": ["done"]}, "data": {"enum": ["[DONE]"]}}},
    "Events": {"anyOf": [{"$ref": REF + "Begun"}, {"oneOf": [{"$ref": REF + "Over"}]}]},
    "Nameless": {"properties": {"type": {"type": "string"}, "id": {"type": "string"}}},
}
LAST_WORDS = {"completed", "failed", "incomplete", "cancelled", "expired", "done", "error"}


def route(schema: str | None, *, query: str | None = None, **relay: Any) -> Route:
    content = {ends.EVENT_STREAM: {"schema": {"$ref": REF + schema}}} if schema else {}
    operation = {"operationId": "make", "responses": {"200": {"content": content}}}
    return Route("/v1/things", "/things", "post", operation, relay, query)


@pytest.mark.parametrize(
    ("schema", "named"),
    [("Events", ["thing.over"]), ("Apart", ["done"]), ("Nameless", ["[DONE]"]), ("Events", [])],
)
def test_events_of_the_union_end_a_stream(schema: str, named: list[str]) -> None:
    ends.check(route(schema, ends=named), COMPONENTS)


@pytest.mark.parametrize(
    ("schema", "named", "unknown"),
    [
        ("Events", ["thing.over", "thing.ended"], "thing.ended"),
        ("Events", ["[DONE]"], "[DONE]"),
        ("Apart", ["[DONE]"], "[DONE]"),
        ("Nameless", ["done"], "done"),
    ],
)
def test_what_is_no_event_of_the_union_ends_none(schema: str, named: list[str], unknown: str) -> None:
    with pytest.raises(CodegenError, match=r"make: x-relay: ends: .* is no event of its stream") as stopped:
        ends.check(route(schema, ends=named), COMPONENTS)
    assert repr(unknown) in str(stopped.value)


def test_a_stream_without_a_named_end_stops() -> None:
    with pytest.raises(CodegenError, match="make: x-relay: ends: it streams, and needs the events"):
        ends.check(route("Events"), COMPONENTS)


def test_an_end_without_a_stream_stops() -> None:
    with pytest.raises(CodegenError, match="make: x-relay: ends: it answers no text/event-stream"):
        ends.check(route(None, ends=["thing.over"]), COMPONENTS)


def test_a_variant_may_do_without_the_stream_of_its_operation() -> None:
    ends.check(route(None, query="beta=true", ends=["thing.over"]), COMPONENTS)


def test_an_event_stream_of_an_error_is_none_of_the_operations() -> None:
    found = route("Events")
    found.operation["responses"]["400"] = found.operation["responses"].pop("200")
    ends.check(found, COMPONENTS)


@pytest.mark.parametrize(
    "row", [row for row in OPERATIONS.values() if row.streams], ids=lambda r: r.operation_id
)
def test_every_stream_of_the_contract_has_an_end(row: Any) -> None:
    assert row.ends
    if row.alias_of:
        assert row.ends == OPERATIONS[row.alias_of].ends


def test_only_streams_have_ends() -> None:
    assert not [row.operation_id for row in OPERATIONS.values() if row.ends and not row.streams]


def test_no_event_that_sounds_like_the_end_is_forgotten() -> None:
    """A new way for a stream to end would be cut as if it were none."""
    merged = contract.load(PROJECT / "spec")
    components = merged.document["components"]["schemas"]
    for found in (found for found in merged.routes if OPERATIONS[found.operation_id].streams):
        named = set(OPERATIONS[found.operation_id].ends)
        families = {name.rpartition(".")[0] for name in named if "." in name}
        content = found.operation["responses"]["200"]["content"]
        known = ends.names(content[ends.EVENT_STREAM]["schema"], components)
        like = {name for name in known if name.rpartition(".")[0] in families}
        assert {name for name in like if name.rpartition(".")[2] in LAST_WORDS} <= named
