"""Function tools: the operations of a document with all their arguments in one object."""

import copy

import pytest

from codegen.actions.functions import tools
from codegen.errors import CodegenError
from tests.codegen.actions.contracts import compiled

DOCUMENT = compiled()
TOOLS = {tool["name"]: tool for tool in tools(DOCUMENT)}


def test_each_operation_is_a_function_of_its_name() -> None:
    assert list(TOOLS) == ["createThing", "getThing", "deleteThing", "uploadThing", "getInfo"]


def test_a_function_takes_parameters_and_fields_alike() -> None:
    assert TOOLS["getThing"] == {
        "type": "function",
        "name": "getThing",
        "description": "Look at a thing.",
        "parameters": {
            "type": "object",
            "properties": {
                "thing_id": {"type": "string"},
                "limit": {"type": "integer", "default": 20, "description": "How many."},
            },
            "required": ["thing_id"],
        },
        "strict": False,
    }
    assert TOOLS["createThing"]["parameters"]["properties"].keys() == {"name", "inner"}
    assert TOOLS["createThing"]["parameters"]["required"] == ["name"]


def test_a_function_may_take_nothing() -> None:
    assert TOOLS["getInfo"]["parameters"] == {"type": "object", "properties": {}, "required": []}


def test_two_arguments_of_one_name_stop() -> None:
    document = copy.deepcopy(DOCUMENT)
    post = document["paths"]["/v1/actions/things"]["post"]
    post["parameters"] = [{"name": "name", "in": "query", "required": False, "schema": {"type": "string"}}]
    with pytest.raises(CodegenError, match="createThing: two arguments of its function are called 'name'"):
        tools(document)
