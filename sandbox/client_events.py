"""Judging the events of clients by the contract."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from sandbox import fields
from sandbox.bodies import JsonObject
from sandbox.contract import target
from sandbox.errors import ApiError
from sandbox.render import flattened, misfit
from sandbox.requests import check_object

_CONTROL = {"type": fields.STRING, "event_id": fields.STRING}


def check(event: JsonObject, union: str) -> None:
    """Refuse what is no event of a union of the contract, such as ``RealtimeClientEvent``.

    Where ``null`` stands for a field that may be missing, it is taken for that.
    """
    schema = schema_of(event, union)
    given = _said(event)
    check_object(given, schema)
    where = misfit(schema, given)
    if where is not None:
        message = f"Invalid value for '{where or event['type']}': not what the contract says of it."
        raise ApiError(400, message, param=where or None, code="invalid_value")


def schema_of(event: JsonObject, union: str) -> JsonObject:
    """Return the schema of an event by its type; one of a type that is not in the union is refused."""
    fields.require(event, ["type"])
    fields.check(event, _CONTROL)
    known = _schemas(union)
    fields.among(event, "type", tuple(known))
    return known[event["type"]]


@cache
def _schemas(union: str) -> Mapping[str, JsonObject]:
    options: list[JsonObject] = target(f"#/components/schemas/{union}")["anyOf"]
    return MappingProxyType({_type(option): option for option in options})


def _type(option: JsonObject) -> str:
    return str(flattened(option)["properties"]["type"]["enum"][0])


def _said(value: Any) -> Any:
    """A value without the fields that are null, at any depth."""
    if isinstance(value, dict):
        return {name: _said(part) for name, part in value.items() if part is not None}
    return [_said(part) for part in value] if isinstance(value, list) else value
