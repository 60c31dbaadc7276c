import math
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.sandbox.conftest import Contract

MODEL = "text-embedding-3-small"


def embed(http: httpx.Client, given: object, **fields: Any) -> Any:
    answer = http.post("/embeddings", json={"model": MODEL, "input": given, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_answers_unit_vectors(http: httpx.Client, contract: Contract) -> None:
    answer = embed(http, ["one", "two"])
    contract.judge("CreateEmbeddingResponse", answer)
    assert [item["index"] for item in answer["data"]] == [0, 1]
    for item in answer["data"]:
        assert len(item["embedding"]) == 1536
        assert math.hypot(*item["embedding"]) == pytest.approx(1, abs=1e-6)
    assert answer["data"][0]["embedding"] != answer["data"][1]["embedding"]


@pytest.mark.parametrize(
    ("given", "used"), [("12345", 2), (["12345", "1"], 3), ([1, 2, 3], 3), ([[1, 2], [3]], 3), ("", 0)]
)
def test_counts_tokens(http: httpx.Client, given: object, used: int) -> None:
    assert embed(http, given)["usage"] == {"prompt_tokens": used, "total_tokens": used}


def test_the_same_text_has_the_same_vector_wherever_it_stands(http: httpx.Client) -> None:
    alone = embed(http, "tide")["data"][0]["embedding"]
    assert embed(http, ["moon", "tide"])["data"][1]["embedding"] == alone
    assert embed(http, "tide", model="text-embedding-ada-002")["data"][0]["embedding"] != alone


def test_the_client_decodes_base64_to_the_same_numbers(client: OpenAI) -> None:
    coded = client.embeddings.create(model=MODEL, input="tide")
    plain = client.embeddings.create(model=MODEL, input="tide", encoding_format="float")
    assert coded.data[0].embedding == plain.data[0].embedding


def test_base64_is_sent_when_asked(http: httpx.Client) -> None:
    assert isinstance(embed(http, "tide", encoding_format="base64")["data"][0]["embedding"], str)


def test_the_large_model_has_more_dimensions(client: OpenAI) -> None:
    assert len(client.embeddings.create(model="text-embedding-3-large", input="x").data[0].embedding) == 3072


def test_fewer_dimensions_are_the_first_ones(http: httpx.Client) -> None:
    long = embed(http, "tide")["data"][0]["embedding"]
    short = embed(http, "tide", dimensions=8)["data"][0]["embedding"]
    assert math.hypot(*short) == pytest.approx(1, abs=1e-6)
    scale = math.hypot(*long[:8])
    assert short == pytest.approx([number / scale for number in long[:8]], rel=1e-5)


async def test_the_async_client_embeds(async_client: AsyncOpenAI) -> None:
    answer = await async_client.embeddings.create(model=MODEL, input=["one", "two"], dimensions=2)
    assert [len(item.embedding) for item in answer.data] == [2, 2]
