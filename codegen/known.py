"""The values that the contract names for a field, where it takes others besides."""

from typing import Any

from codegen.bodies import json_schema_of
from codegen.contract import Document, Route
from codegen.errors import CodegenError

_REF = "#/components/schemas/"


def models(route: Route, components: Document) -> tuple[str, ...]:
    """The models that the body of `route` names, in the contract's order; none unless the overlay wants them.

    `components` are the contract's schemas by name. Raises CodegenError where the contract names none.
    """
    if not route.relay.get("models") or route.query is not None:
        return ()
    schema = _resolved(json_schema_of(route) or {}, components)
    found = _values(schema.get("properties", {}).get("model", {}), components)
    if not found:
        place = f"spec/overlay.yaml: {route.operation_id}: x-relay: models"
        raise CodegenError(f"{place}: its body has no field 'model' with values that have names")
    return tuple(dict.fromkeys(found))


def _values(schema: Document, components: Document) -> list[Any]:
    schema = _resolved(schema, components)
    parts = [part for keyword in ("allOf", "anyOf", "oneOf") for part in schema.get(keyword, [])]
    own = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return [*own, *(value for part in parts for value in _values(part, components))]


def _resolved(schema: Document, components: Document) -> Document:
    while "$ref" in schema:
        schema = components[schema["$ref"].removeprefix(_REF)]
    return schema
