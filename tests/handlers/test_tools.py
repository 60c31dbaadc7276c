"""The tools that a response can be given, as the relay lists them."""

from typing import Any

import httpx
import jsonschema_rs
import pytest

from sandbox.instance import minimal
from tests.handlers.judging import judge, refused
from tests.servers import RELAY_KEY
from tests.surface.contract import DOCUMENT, errors

IDS = [
    "web_search",
    "file_search",
    "image_generation",
    "code_interpreter",
    "mcp_connector",
    "apply_patch",
    "shell",
    "retrieval",
    "computer_use",
    "local_shell",
]
TOOL = {"$ref": "#/components/schemas/Tool"}


@pytest.fixture
def client(sandbox_relay: str) -> Any:
    with httpx.Client(base_url=sandbox_relay, headers={"x-relay-key": RELAY_KEY}, timeout=30) as made:
        yield made


def test_they_are_listed_in_order(client: httpx.Client) -> None:
    answer = client.get("/v1/tools")
    judge("/v1/tools", answer)
    assert [tool["id"] for tool in answer.json()["data"]] == IDS


@pytest.mark.parametrize("tool", IDS)
def test_each_is_there_by_its_id(client: httpx.Client, tool: str) -> None:
    answer = client.get(f"/v1/tools/{tool}")
    judge("/v1/tools/{tool_id}", answer)
    assert answer.json() in client.get("/v1/tools").json()["data"]
    assert answer.json()["id"] == tool


def schema_of(kind: str) -> dict[str, Any]:
    """The contract's schema of the tool with this type."""
    schemas = DOCUMENT["components"]["schemas"]
    members = (schemas[member["$ref"].rpartition("/")[2]] for member in schemas["Tool"]["oneOf"])
    found: dict[str, Any] = next(one for one in members if kind in one["properties"]["type"]["enum"])
    return found


@pytest.mark.parametrize("tool", IDS)
def test_its_parameters_describe_what_the_contract_takes(client: httpx.Client, tool: str) -> None:
    told = client.get(f"/v1/tools/{tool}").json()
    schema = schema_of(told["type"])
    validator = jsonschema_rs.Draft202012Validator(told["parameters"])
    made = minimal(schema, "tool", DOCUMENT)
    assert isinstance(made, dict)
    least = {**made, "type": told["type"]}
    assert errors(TOOL, least) == []
    assert validator.is_valid(least)
    assert set(told["parameters"]["properties"]) == set(schema["properties"])
    for member in told["parameters"]["required"]:
        assert not validator.is_valid({name: value for name, value in least.items() if name != member})
    assert not validator.is_valid(least | {"type": "another"})
    wrong = {
        name: [1, [None]]
        for name, part in told["parameters"]["properties"].items()
        if "array" not in str(part)
    }
    assert all(not validator.is_valid(least | {name: value}) for name, value in wrong.items())


@pytest.mark.parametrize("tool", ["nothing", "web-search", "WEB_SEARCH", "web_search "])
def test_an_unknown_id_is_a_404_that_lists_those_that_there_are(client: httpx.Client, tool: str) -> None:
    answer = client.get(f"/v1/tools/{tool}")
    assert all(known in refused("/v1/tools/{tool_id}", answer, "tool_not_found") for known in IDS)
    assert answer.json()["error"]["param"] == "tool_id"
