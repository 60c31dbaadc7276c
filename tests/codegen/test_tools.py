"""The list of tools: the overlay's words, and the contract's schemas of what each can be told."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from codegen import contract, tools
from codegen.bodies import Schemas
from codegen.errors import CodegenError
from tests.codegen.projects import DOCUMENT, action, write_project

LOOK = {
    "type": "object",
    "required": ["type", "where", "depth"],
    "properties": {
        "where": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "filter": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
        "depth": {"type": "integer", "default": 3},
        "kind": {"$ref": "#/components/schemas/Kind"},
        "anything": {},
        "type": {"type": "string", "enum": ["look", "look_2026"], "default": "look"},
    },
}
ROW = {"id": "search", "type": "look", "name": "Search", "description": "Looks."}


def listing(root: Path, *rows: Any, given: Any = None) -> list[dict[str, Any]]:
    document: dict[str, Any] = deepcopy(DOCUMENT)
    document["components"]["schemas"] |= {
        "Look": LOOK,
        "Tool": {"oneOf": [{"$ref": "#/components/schemas/Look"}]},
    }
    named = action("$", update={"x-relay-tools": list(rows) if given is None else given})
    made = contract.load(write_project(root, named, document=document) / "spec")
    assert "x-relay-tools" not in made.document
    return tools.listing(made, Schemas(made))


def test_a_tool_has_the_overlays_words_and_the_contracts_parameters(tmp_path: Path) -> None:
    assert listing(tmp_path, ROW) == [
        {
            "id": "search",
            "object": "tool",
            "type": "look",
            "name": "Search",
            "description": "Looks.",
            "parameters": {
                "type": "object",
                "properties": {
                    "anything": {},
                    "depth": {"type": "integer"},
                    "filter": {"type": ["null", "object"]},
                    "kind": {"type": "string"},
                    "type": {"type": "string", "enum": ["look"]},
                    "where": {"type": ["array", "string"]},
                },
                "required": ["type", "where"],
            },
        }
    ]


def test_two_tools_may_be_of_one_type(tmp_path: Path) -> None:
    rows = listing(tmp_path, ROW, {**ROW, "id": "find", "type": "look_2026"}, {**ROW, "id": "seek"})
    assert [(row["id"], row["type"]) for row in rows] == [
        ("search", "look"),
        ("find", "look_2026"),
        ("seek", "look"),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([{**ROW, "type": "smell"}], "'search': the type 'smell' is none of the contract's: look, look_2026"),
        ([ROW, ROW], "'search' stands here a second time"),
        ([{**ROW, "more": "x"}], "an object of id, type, name, description is expected"),
        ([{"id": "x"}], "an object of id, type, name, description is expected"),
        (["search"], "an object of id, type, name, description is expected"),
        ([{**ROW, "name": 5}], "each of id, type, name, description is text"),
        ([{**ROW, "description": ""}], "each of id, type, name, description is text"),
        ({"search": ROW}, "a list is expected"),
    ],
)
def test_a_tool_that_is_wrong_or_unknown_fails(tmp_path: Path, given: Any, said: str) -> None:
    with pytest.raises(CodegenError, match=f"^spec: x-relay-tools: .*{said}"):
        listing(tmp_path, given=given)


def test_a_contract_without_tools_has_an_empty_list(tmp_path: Path) -> None:
    made = contract.load(write_project(tmp_path) / "spec")
    assert tools.listing(made, Schemas(made)) == []
    assert json.dumps(tools.listing(made, Schemas(made))) == "[]"
