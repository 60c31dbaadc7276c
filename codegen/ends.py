"""Which events end an operation's stream: the overlay names them, the contract's event union knows them."""

from typing import Any

from codegen.contract import Document, Route
from codegen.errors import CodegenError

EVENT_STREAM = "text/event-stream"
_DONE = "[DONE]"  # data that is no JSON, after the last event of a stream whose events have no names
_NAMED_BY = ("type", "event")
_REF = "#/components/schemas/"


def check(route: Route, components: Document) -> None:
    """Raise CodegenError unless `route` names how its stream ends, in names that its events have.

    A stream whose events have no names can only end in `[DONE]`. An empty list says that no event ends the
    stream; the overlay's action has the reason. `components` are the contract's schemas by name.
    """
    place = f"spec/overlay.yaml: {route.operation_id}: x-relay: ends"
    events = streamed(route)
    if not events:
        if "ends" in route.relay and route.query is None:
            raise CodegenError(f"{place}: it answers no {EVENT_STREAM}")
        return
    if "ends" not in route.relay:
        raise CodegenError(f"{place}: it streams, and needs the events that end it, or [] where none does")
    known = {name for schema in events for name in names(schema, components)} or {_DONE}
    for name in route.relay["ends"]:
        if name not in known:
            raise CodegenError(f"{place}: {name!r} is no event of its stream")


def streamed(route: Route) -> list[Document]:
    """The schemas of the events that `route` answers with."""
    answers = route.operation.get("responses", {}).items()
    contents = [answer.get("content", {}) for code, answer in answers if code < "300"]
    return [content[EVENT_STREAM].get("schema", {}) for content in contents if EVENT_STREAM in content]


def names(schema: Document, components: Document) -> set[str]:
    """What the events of a union are called: by `type`, or by `event` where their data stands apart."""
    if "$ref" in schema:
        return names(components[schema["$ref"].removeprefix(_REF)], components)
    parts = [part for keyword in ("allOf", "anyOf", "oneOf") for part in schema.get(keyword, [])]
    found = {name for part in parts for name in names(part, components)}
    for prop in _NAMED_BY:
        found.update(_constants(schema.get("properties", {}).get(prop, {})))
    return found


def _constants(schema: Document) -> list[Any]:
    return [schema["const"]] if "const" in schema else schema.get("enum", [])
