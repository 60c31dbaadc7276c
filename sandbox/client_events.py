"""Judging the events of clients by the contract."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from sandbox import fields
from sandbox.bodies import JsonObject
from sandbox.contract import target
from sandbox.errors import ApiError
from sandbox.render import flattened, misfit, properties
from sandbox.requests import check_object

_PARAM_CHARACTERS = 200
_CONTROL = {"type": fields.STRING, "event_id": fields.STRING}


def check(event: JsonObject, union: str) -> None:
    """Refuse what is no event of a union of the contract, such as ``RealtimeClientEvent``.

    A field that is null counts as missing.
    """
    schema = schema_of(event, union)
    given = said(event)
    check_object(given, schema)
    where = misfit(schema, given)
    if where is not None:
        param = where[:_PARAM_CHARACTERS] or None
        message = f"Invalid value for '{param or event['type']}': the contract says otherwise."
        raise ApiError(400, message, param=param, code="invalid_value")


def check_known(given: JsonObject, schema: str, within: str) -> None:
    """Refuse an object with a field that a schema of the contract, told by its name, does not have."""
    known = properties(target(f"#/components/schemas/{schema}"))
    for name in given:
        if name not in known:
            param = f"{within}.{name[:_PARAM_CHARACTERS]}"
            raise ApiError(400, f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")


def schema_of(event: JsonObject, union: str) -> JsonObject:
    """Return the schema of an event by its type; one of a type that is not in the union is refused."""
    fields.require(event, ["type"])
    fields.check(event, _CONTROL)
    known = _schemas(union)
    fields.among(event, "type", tuple(known))
    return known[event["type"]]


def said(value: Any) -> Any:
    """Return a value without the fields that are null, at any depth but within a function's parameters."""
    if isinstance(value, dict):
        kept = {name: part for name, part in value.items() if part is not None}
        return {name: part if name == "parameters" else said(part) for name, part in kept.items()}
    return [said(part) for part in value] if isinstance(value, list) else value


@cache
def _schemas(union: str) -> Mapping[str, JsonObject]:
    options: list[JsonObject] = target(f"#/components/schemas/{union}")["anyOf"]
    return MappingProxyType({_type(option): option for option in options})


def _type(option: JsonObject) -> str:
    return str(flattened(option)["properties"]["type"]["enum"][0])
