"""The tools that a response can be given, as `GET /v1/tools` lists them.

The overlay says which they are and in what words (`x-relay-tools`). What a tool can be told is read from the
contract: the member of `#/components/schemas/Tool` that has its type.
"""

from typing import Any

from codegen.bodies import Schemas
from codegen.contract import TOOLS, Contract, Document
from codegen.errors import CodegenError

_UNION = "#/components/schemas/Tool"
_WORDS = ("id", "type", "name", "description")


def listing(contract: Contract, schemas: Schemas) -> list[Document]:
    """A row for each tool, in the overlay's order; raises CodegenError for one that is wrong or unknown."""
    if not isinstance(contract.tools, list):
        raise _fault("a list is expected")
    known = _by_type(schemas) if contract.tools else {}
    rows: dict[str, Document] = {}
    for given in contract.tools:
        tool, kind = _checked(given), given["type"]
        if kind not in known:
            raise _fault(f"{tool!r}: the type {kind!r} is none of the contract's: {', '.join(sorted(known))}")
        if tool in rows:
            raise _fault(f"{tool!r} stands here a second time")
        said = {"id": tool, "object": "tool", **given}
        rows[tool] = {**said, "parameters": _parameters(kind, known[kind], schemas)}
    return list(rows.values())


def _checked(given: Any) -> str:
    if not isinstance(given, dict) or set(given) != set(_WORDS):
        raise _fault(f"an object of {', '.join(_WORDS)} is expected, not {given!r}")
    if not all(isinstance(word, str) and word for word in given.values()):
        raise _fault(f"each of {', '.join(_WORDS)} is text, unlike in {given!r}")
    return str(given["id"])


def _by_type(schemas: Schemas) -> dict[str, Document]:
    """The schema of each tool of the Responses API, by each value that its `type` can have."""
    found: dict[str, Document] = {}
    for member in schemas.resolve(_UNION)["oneOf"]:
        schema = schemas.resolve(member["$ref"])
        found |= dict.fromkeys(schema["properties"]["type"]["enum"], schema)
    return found


def _parameters(kind: str, schema: Document, schemas: Schemas) -> Document:
    """A flat JSON Schema of an entry of `tools`: names and types, no deeper than the top level."""
    shape = schemas.shape(schema)
    types = {name: sorted(shape.fields.get(name, ())) for name in sorted(schema["properties"])}
    properties = {name: _typed(names) for name, names in types.items()}
    return {
        "type": "object",
        "properties": {**properties, "type": {"type": "string", "enum": [kind]}},
        "required": sorted(shape.required | {"type"}),
    }


def _typed(names: list[str]) -> Document:
    """A schema of these types; of any where the contract names none."""
    return {"type": names[0] if len(names) == 1 else names} if names else {}


def _fault(text: str) -> CodegenError:
    return CodegenError(f"spec: {TOOLS}: {text}")
