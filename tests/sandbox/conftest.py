import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from openai import AsyncOpenAI, OpenAI

from sandbox.server import SandboxServer

CONTRACT = Path(__file__).parents[2] / "spec" / "openai.json"


def nullable(schema: Any) -> Any:
    """`schema` where OpenAPI 3.0's `nullable: true` says in 2020-12's words what it means."""
    if isinstance(schema, list):
        return [nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: nullable(part) for key, part in schema.items()}
    return {"anyOf": [parts, {"type": "null"}]} if schema.get("nullable") is True else parts


class Contract:
    """OpenAI's schemas, by which answers are judged.

    They are read from the vendored document, before the generator has mended it: it says `nullable: true`,
    which OpenAPI 3.1 no longer knows (a chunk's `usage`, `logprobs` and `finish_reason` are null all the
    same), and it describes an embedding only as numbers, not as base64, so that form is not judged by it.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = {"schemas": nullable(document["components"]["schemas"])}
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def errors(self, name: str, value: Any) -> list[str]:
        if name not in self._validators:
            schema = {"$ref": f"#/components/schemas/{name}", "components": self._components}
            self._validators[name] = jsonschema_rs.Draft202012Validator(schema)
        return [
            f"{error.instance_path}: {error.message}" for error in self._validators[name].iter_errors(value)
        ]

    def judge(self, name: str, value: Any) -> None:
        assert not self.errors(name, value)


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(CONTRACT.read_text())
    return loaded


@pytest.fixture(scope="session")
def contract(document: dict[str, Any]) -> Contract:
    return Contract(document)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def fresh() -> Iterator[SandboxServer]:
    """Return a sandbox of the test's own, for counting its streams."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="session")
def client(sandbox: SandboxServer) -> Iterator[OpenAI]:
    with OpenAI(api_key="sk-any", base_url=sandbox.base_url, max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(sandbox: SandboxServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="sk-any", base_url=sandbox.base_url, max_retries=0) as made:
        yield made


@pytest.fixture(scope="session")
def http(sandbox: SandboxServer) -> Iterator[httpx.Client]:
    headers = {"authorization": "Bearer sk-any"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=30) as made:
        yield made


def events(body: str) -> list[tuple[str | None, str]]:
    """Return the events of a stream as pairs of their name, if they have one, and their data."""
    blocks = body.split("\n\n")
    assert blocks.pop() == ""
    found = []
    for block in blocks:
        *names, data = block.split("\n")
        assert data.startswith("data: ")
        assert all(name.startswith("event: ") for name in names)
        found.append((names[0].removeprefix("event: ") if names else None, data.removeprefix("data: ")))
    return found
