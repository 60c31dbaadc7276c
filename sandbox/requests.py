"""Judging a request by the contract where an operation has no rules of its own."""

import math
from collections.abc import Iterable
from typing import Any

from generated.bodies import BODIES
from generated.operations import OPERATIONS
from sandbox import errors, fields
from sandbox.bodies import JsonObject
from sandbox.call import Call
from sandbox.contract import JSON
from sandbox.errors import ApiError
from sandbox.fields import Kind
from sandbox.forms import Form
from sandbox.render import flattened, kinds, properties

_KINDS = {
    "array": fields.ARRAY,
    "boolean": fields.BOOLEAN,
    "integer": fields.INTEGER,
    "null": Kind("null", lambda value: value is None),
    "number": fields.NUMBER,
    "object": fields.OBJECT,
    "string": fields.STRING,
}


def check(call: Call) -> None:
    """Refuse, with the 400 of OpenAI's, what the contract cannot mean.

    That is: a required field that is missing, a field of another JSON type, a string that is not among those
    that there are, a number out of bounds, a string or an array that is too long or empty where it may not
    be. Fields of objects are judged in turn, items of arrays and what takes several forms are not.
    """
    if call.form is not None:
        _check_form(call, call.form)
    elif "multipart/form-data" in call.operation.bodies and len(call.operation.bodies) == 1:
        raise ApiError(400, "Invalid request: expected a body of type multipart/form-data.")
    else:
        _check_json(call)


def _check_json(call: Call) -> None:
    name = OPERATIONS[call.operation.operation_id].body_model
    if name is not None:
        rules = BODIES[name]
        fields.require(call.given, rules.required)
        for field, types in rules.fields.items():
            _check_kind(field, call.given.get(field), types)
    _check_fields(call.given, properties(call.operation.bodies.get(JSON, {})), "")


def check_object(given: JsonObject, schema: JsonObject) -> None:
    """Refuse, as ``check`` does, what an object cannot mean by a schema of the contract."""
    fields.require(given, flattened(schema).get("required", []))
    _check_fields(given, properties(schema), "")


def _check_form(call: Call, form: Form) -> None:
    schema = flattened(call.operation.bodies["multipart/form-data"])
    known = properties(schema)
    for name in schema.get("required", []):
        if name not in form.files or flattened(known.get(name, {})).get("enum"):
            fields.require(form.fields, [name])
    _check_fields(form.fields, known, "")


def _check_fields(given: JsonObject, known: JsonObject, within: str) -> None:
    for name, value in given.items():
        if value is not None and name in known:
            _check_value(fields.path(within, name), value, known[name])


def _check_value(param: str, value: Any, schema: JsonObject) -> None:
    flat = flattened(schema)
    options = [flattened(option) for option in flat.get("anyOf", [])]
    wanted = kinds(flat)
    _check_kind(param, value, wanted)
    fitting = [one for one in options if any(_KINDS[kind].accepts(value) for kind in kinds(one))] or [flat]
    if len(fitting) == 1 and "oneOf" not in fitting[0]:
        _check_bounds(param, value, fitting[0])


def _check_kind(param: str, value: Any, types: Iterable[str]) -> None:
    wanted = [_KINDS[kind] for kind in _KINDS if kind in types and kind != "null"]
    if value is not None and wanted and not any(kind.accepts(value) for kind in wanted):
        raise errors.wrong_type(param, " or ".join(kind.name for kind in wanted), value)


def _check_bounds(param: str, value: Any, schema: JsonObject) -> None:
    match value:
        case str():
            choices = schema.get("enum")
            if choices and value not in choices:
                raise errors.unsupported(param, value, tuple(str(choice) for choice in choices if choice))
            if len(value) > schema.get("maxLength", len(value)):
                raise errors.too_long(param, schema["maxLength"], len(value))
        case list() if len(value) > schema.get("maxItems", len(value)):
            raise errors.too_many(param, schema["maxItems"], len(value))
        case dict():
            known = schema.get("properties", {})
            needed = [name for name in schema.get("required", []) if name in known]
            fields.require(value, needed, within=param)
            _check_fields(value, known, param)
        case int() | float() if not isinstance(value, bool):
            low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
            fields.bounded({param: value}, param, low, high)
    if value in ("", []) and (schema.get("minLength") or schema.get("minItems")):
        raise errors.empty(param, "array" if value == [] else "string")
