from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.sandbox.conftest import Contract, events
from tests.surface.contract import UPSTREAM, errors

MODEL = "gpt-3.5-turbo-instruct"


def test_a_prompt_is_completed(client: OpenAI, contract: Contract) -> None:
    made = client.completions.create(model=MODEL, prompt="Return exactly: pong")
    contract.judge("CreateCompletionResponse", made.to_dict())
    assert [(one.text, one.finish_reason) for one in made.choices] == [("pong", "stop")]
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


@pytest.mark.parametrize(
    ("prompt", "count"), [("x", 1), (["x", "y"], 2), ([1, 2, 3], 1), ([[1], [2, 3]], 2), ("", 1)]
)
def test_each_prompt_gets_its_choices(client: OpenAI, prompt: Any, count: int) -> None:
    made = client.completions.create(model=MODEL, prompt=prompt, n=3)
    assert [one.index for one in made.choices] == list(range(3 * count))


@pytest.mark.parametrize(("limit", "length"), [(None, 64), (0, 0), (2, 8), (50, 200)])
def test_a_completion_is_cut_at_its_limit(http: httpx.Client, limit: int | None, length: int) -> None:
    body = {"model": MODEL, "prompt": f"Return exactly: {'x' * 300}", "max_tokens": limit}
    choice = http.post("/completions", json=body).json()["choices"][0]
    assert (len(choice["text"]), choice["finish_reason"]) == (length, "length")


def test_a_completion_streams(client: OpenAI, http: httpx.Client) -> None:
    chunks = list(client.completions.create(model=MODEL, prompt="Return exactly: a b c", n=2, stream=True))
    schema = UPSTREAM["createCompletion"].answers()[200]["text/event-stream"]["schema"]
    for chunk in chunks:
        assert not errors(schema, chunk.to_dict())
    for index in (0, 1):
        mine = [chunk.choices[0] for chunk in chunks if chunk.choices[0].index == index]
        assert "".join(one.text for one in mine) == "a b c"
        assert [one.finish_reason for one in mine] == [None, None, None, "stop"]
    answer = http.post("/completions", json={"model": MODEL, "prompt": "x", "stream": True})
    assert events(answer.text)[-1] == (None, "[DONE]")


@pytest.mark.parametrize("more", [{}, {"prompt": None}])
def test_a_prompt_may_be_left_out(http: httpx.Client, more: dict[str, None]) -> None:
    answer = http.post("/completions", json={"model": MODEL, **more})
    assert answer.status_code == 200
    assert len(answer.json()["choices"]) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("prompt", value) for value in ([], ["x"] * 2_049, 1)],
        *[("n", value) for value in (0, 129, "x")],
        *[("max_tokens", -1), ("temperature", 3), ("model", None)],
    ],
)
def test_a_wrong_field_is_named(http: httpx.Client, field: str, value: Any) -> None:
    answer = http.post("/completions", json={"model": MODEL, "prompt": "x", field: value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


@pytest.mark.parametrize(
    ("given", "count"), [("x", 1), (["x", "y"], 2), ([{"type": "text", "text": "x"}] * 2, 1), ([], 0)]
)
def test_nothing_is_ever_flagged(client: OpenAI, contract: Contract, given: Any, count: int) -> None:
    made = client.moderations.create(input=given)
    contract.judge("CreateModerationResponse", made.to_dict())
    assert [one.flagged for one in made.results] == [False] * count


def test_a_moderation_needs_an_input_of_some_size(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="array too long"):
        client.moderations.create(input=["x"] * 2_049)
