"""What holds for a request to any operation: its method, its query, and what goes wrong on the way."""

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai import OpenAI

from sandbox import app
from tests.sandbox.conftest import Contract
from tests.sandbox.test_batches import lines_of, looked_at, request, started

CHATS = "createChatCompletion"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the chat completion of the model ``broken`` fail in a way that nobody foresaw."""
    answer: Any = app.HANDLERS[CHATS]

    def chat(call: Any) -> Any:
        if call.given["model"] == "broken":
            raise KeyError("nothing")
        return answer(call)

    monkeypatch.setattr(app, "HANDLERS", {**app.HANDLERS, CHATS: chat})


@pytest.mark.usefixtures("broken")
def test_an_unforeseen_failure_is_told_as_openai_does_and_logged_once(
    http: httpx.Client, contract: Contract, caplog: pytest.LogCaptureFixture
) -> None:
    answer = http.post("/chat/completions", json={"model": "broken"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert answer.headers["x-request-id"].startswith("req_")
    contract.judge("ErrorResponse", answer.json())
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "KeyError: 'nothing'" in logging.Formatter().format(record)


@pytest.mark.usefixtures("broken")
def test_a_line_that_fails_is_among_the_errors_of_its_batch(client: OpenAI) -> None:
    bodies = [{"model": "broken"}, {"model": "broken", "stream": True}]
    batch = started(client, [request(str(index), body=body) for index, body in enumerate(bodies)])
    batch = looked_at(client, batch, 3)
    assert (batch.status, batch.output_file_id) == ("completed", None)
    lines = lines_of(client, batch.error_file_id)
    assert [line["response"]["status_code"] for line in lines] == [500, 400]


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "QUERY", "OPTIONS", "PUT"])
def test_every_method_is_answered_in_openais_shape(
    http: httpx.Client, contract: Contract, method: str
) -> None:
    answer = http.request(method, "/files")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    contract.judge("ErrorResponse", answer.json())


@pytest.mark.parametrize("name", ["limit", "starting_after"])
@pytest.mark.parametrize("digits", ["0" * 5_000, "-" + "0" * 5_000, "9" * 21])
def test_a_number_of_very_many_digits_is_refused(http: httpx.Client, name: str, digits: str) -> None:
    place = "/videos?"
    if name == "starting_after":
        made = http.post("/responses", json={"model": "m", "input": "x"}).json()
        place = f"/responses/{made['id']}?stream=true&"
    answer = http.get(f"{place}{name}={digits}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)


def _background(client: OpenAI) -> str:
    return f"/responses/{client.responses.create(model='m', input='x', background=True).id}"


def _video(client: OpenAI) -> str:
    with pytest.deprecated_call():
        return f"/videos/{client.videos.create(prompt='x').id}"


def _batch(client: OpenAI) -> str:
    return f"/batches/{started(client, [request('a')]).id}"


def _job(client: OpenAI) -> str:
    file = client.files.create(file=("a.jsonl", b"{}"), purpose="fine-tune").id
    return f"/fine_tuning/jobs/{client.fine_tuning.jobs.create(model='m', training_file=file).id}"


def _run(client: OpenAI) -> str:
    with pytest.deprecated_call():
        assistant = client.beta.assistants.create(model="m").id
        made = client.beta.threads.create_and_run(assistant_id=assistant)
    return f"/threads/{made.thread_id}/runs/{made.id}"


@pytest.mark.parametrize("make", [_background, _batch, _job, _run, _video])
def test_a_head_advances_nothing(http: httpx.Client, client: OpenAI, make: Callable[[OpenAI], str]) -> None:
    statuses = []
    for looks in (0, 3):
        place = make(client)
        for _ in range(looks):
            assert http.head(place).status_code == 200
            assert http.head(f"{place}?stream=true").status_code == 200
        statuses.append([http.get(place).json()["status"] for _ in range(2)])
    assert statuses[0] == statuses[1]
    assert statuses[0][0] != statuses[0][1]


def test_a_page_of_nothing_is_empty_on_either_side(http: httpx.Client) -> None:
    names = [http.post("/videos", json={"prompt": str(number)}).json()["id"] for number in range(3)]
    for query in ("", f"&before={names[0]}", f"&after={names[2]}"):
        answer = http.get(f"/videos?limit=0{query}").json()
        assert (answer["data"], answer["has_more"]) == ([], True), query


def test_null_is_found_by_no_name(http: httpx.Client) -> None:
    thread = http.post("/threads", json={"messages": [{"role": "user", "content": "x"}]}).json()["id"]
    for name in ("None", "null", "run_0"):
        assert http.get(f"/threads/{thread}/messages?run_id={name}").json()["data"] == []
    assert len(http.get(f"/threads/{thread}/messages").json()["data"]) == 1
    assert json.loads(http.get(f"/threads/{thread}/messages").text)["data"][0]["run_id"] is None
