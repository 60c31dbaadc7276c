from typing import Any

import httpx
import pytest
from openai import OpenAI

CONFIG: Any = {"type": "custom", "item_schema": {"type": "object"}}
SOURCE: Any = {
    "type": "completions",
    "model": "gpt-5.1",
    "source": {"type": "file_content", "content": [{"item": {"word": "tide"}}]},
}


@pytest.fixture
def evaluation(client: OpenAI) -> str:
    return client.evals.create(data_source_config=CONFIG, testing_criteria=[]).id


def cancelled(http: httpx.Client, evaluation: str, run: str) -> httpx.Response:
    """The answer to what the document calls cancelling: OpenAI's client goes to another path."""
    return http.post(f"/evals/{evaluation}/runs/{run}")


def test_a_run_goes_to_its_end_without_an_error(client: OpenAI, http: httpx.Client, evaluation: str) -> None:
    runs = client.evals.runs
    made = runs.create(evaluation, data_source=SOURCE, name="first")
    assert (made.status, made.model, made.name) == ("queued", "gpt-5.1", "first")
    seen = [runs.retrieve(made.id, eval_id=evaluation) for _ in range(3)]
    assert [one.status for one in seen] == ["in_progress", "completed", "completed"]
    assert (seen[-1].error.code, seen[-1].error.message) == ("", "")
    [item] = runs.output_items.list(made.id, eval_id=evaluation)
    assert (item.status, item.sample.finish_reason, item.sample.error.code) == ("pass", "stop", "")
    refused = cancelled(http, evaluation, made.id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_status")


def test_a_cancelled_run_stays_so(client: OpenAI, http: httpx.Client, evaluation: str) -> None:
    runs = client.evals.runs
    made = runs.create(evaluation, data_source=SOURCE)
    assert cancelled(http, evaluation, made.id).json()["status"] == "canceled"
    assert runs.retrieve(made.id, eval_id=evaluation).status == "canceled"
    assert cancelled(http, evaluation, made.id).status_code == 400


def test_what_is_deleted_says_what_it_was(client: OpenAI, evaluation: str) -> None:
    run = client.evals.runs.create(evaluation, data_source=SOURCE)
    gone = client.evals.runs.delete(run.id, eval_id=evaluation)
    assert (gone.run_id, gone.object, gone.deleted) == (run.id, "eval.run.deleted", True)
    assert client.evals.delete(evaluation).object == "eval.deleted"
