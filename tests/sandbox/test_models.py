import json
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from sandbox.models import NAMES
from sandbox.server import SandboxServer
from tests.sandbox.conftest import Contract


def test_lists_models(fresh: SandboxServer, contract: Contract) -> None:
    answer = httpx.get(f"{fresh.base_url}/models", headers={"authorization": "Bearer sk-any"}).json()
    contract.judge("ListModelsResponse", answer)
    assert [model["id"] for model in answer["data"]] == list(NAMES)


def test_every_name_is_in_the_contract(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert [name for name in NAMES if f'"{name}"' not in text] == []


def test_gives_each_listed_model(client: OpenAI) -> None:
    for model in client.models.list():
        assert client.models.retrieve(model.id) == model


@pytest.mark.parametrize("name", ["gpt-0", "ft:gpt-4o:team::1", "“é”"])
def test_an_unknown_model_is_not_found(client: OpenAI, name: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve(name)
    assert caught.value.body == {
        "message": f"The model '{name}' does not exist",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }


async def test_the_async_client_lists(async_client: AsyncOpenAI) -> None:
    assert "gpt-realtime" in [model.id async for model in async_client.models.list()]
