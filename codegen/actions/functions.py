"""The same operations as function tools, for the Responses API and whoever else calls functions."""

from codegen.actions.groups import SOURCE
from codegen.contract import METHODS, Document
from codegen.errors import CodegenError

_JSON = "application/json"


def tools(document: Document) -> list[Document]:
    """A function tool for each operation of a group's document, under its `operationId`.

    Its arguments are the parameters and the fields of the body, in one object. Raises CodegenError where two
    of them have one name: nobody could tell from the arguments which is meant.
    """
    return [
        _tool(item[method]) for item in document["paths"].values() for method in METHODS if method in item
    ]


def _tool(operation: Document) -> Document:
    name = operation["operationId"]
    properties: Document = {}
    required: list[str] = []
    for parameter in operation.get("parameters", []):
        words = {"description": parameter["description"]} if "description" in parameter else {}
        _add(properties, parameter["name"], {**parameter["schema"], **words}, name)
        required += [parameter["name"]] if parameter["required"] else []
    body = operation.get("requestBody", {"content": {_JSON: {"schema": {}}}})["content"][_JSON]["schema"]
    for field, schema in body.get("properties", {}).items():
        _add(properties, field, schema, name)
    schema = {"type": "object", "properties": properties, "required": [*required, *body.get("required", [])]}
    return {
        "type": "function",
        "name": name,
        "description": operation["summary"],
        "parameters": schema,
        # Strict functions have no optional argument, and most of these are optional.
        "strict": False,
    }


def _add(properties: Document, name: str, schema: Document, operation: str) -> None:
    if name in properties:
        raise CodegenError(f"{SOURCE}: {operation}: two arguments of its function are called {name!r}")
    properties[name] = schema
