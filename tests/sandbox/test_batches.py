import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import Batch, BatchRequestCounts

from sandbox import batch_lines
from sandbox.content import Content
from sandbox.server import SandboxServer
from tests.sandbox.conftest import Contract

CHAT = "/v1/chat/completions"


def request(custom_id: str, said: str = "pong", **more: Any) -> dict[str, Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": f"Return exactly: {said}"}]}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body, **more}


def started(client: OpenAI, lines: Iterable[object], endpoint: Any = CHAT, **more: Any) -> Batch:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file = client.files.create(file=("in.jsonl", text.encode()), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more)


def looked_at(client: OpenAI, batch: Batch, times: int) -> Batch:
    for _ in range(times):
        batch = client.batches.retrieve(batch.id)
    return batch


def lines_of(client: OpenAI, file: str | None) -> list[Any]:
    assert file is not None
    return [json.loads(line) for line in client.files.content(file).text.splitlines()]


def test_each_line_is_answered(client: OpenAI) -> None:
    batch = started(client, [request("a"), request("b", "“é🙂”")], metadata={"job": "1"})
    batch = looked_at(client, batch, 3)
    assert (batch.status, batch.error_file_id, batch.metadata) == ("completed", None, {"job": "1"})
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 2, "completed": 2, "failed": 0}
    lines = lines_of(client, batch.output_file_id)
    said = {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines}
    assert said == {"a": "pong", "b": "“é🙂”"}
    assert len({line["id"] for line in lines}) == 2
    for line in lines:
        assert (line["id"][:10], line["error"], line["response"]["status_code"]) == ("batch_req_", None, 200)
        assert line["response"]["request_id"].startswith("req_")
    assert client.files.retrieve(str(batch.output_file_id)).purpose == "batch_output"


def test_goes_one_step_with_each_retrieval_and_none_with_a_list(
    client: OpenAI, http: httpx.Client, contract: Contract
) -> None:
    batch = started(client, [request("a")])
    times = ["in_progress_at", "finalizing_at", "completed_at"]
    shown = [http.get(f"/batches/{batch.id}").json() for _ in range(4) if client.batches.list()]
    assert batch.status == "validating"
    assert batch.expires_at == batch.created_at + 86_400
    assert [one["status"] for one in shown] == ["in_progress", "finalizing", "completed", "completed"]
    for number, one in enumerate(shown[:3], 1):
        contract.judge("Batch", one)
        assert [name for name in times if name in one] == times[:number]
    assert [shown[2][name] for name in times] == sorted({shown[2][name] for name in times})


def test_refused_lines_go_to_the_error_file(client: OpenAI) -> None:
    bodies = {"none": {"model": "m"}, "streamed": {"model": "m", "messages": [], "stream": True}}
    batch = started(client, [request("fine"), *(request(name, body=body) for name, body in bodies.items())])
    batch = looked_at(client, batch, 3)
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 3, "completed": 1, "failed": 2}
    assert [line["custom_id"] for line in lines_of(client, batch.output_file_id)] == ["fine"]
    none, streamed = lines_of(client, batch.error_file_id)
    assert none["response"]["body"]["error"]["param"] == "messages"
    assert (streamed["custom_id"], streamed["response"]["status_code"]) == ("streamed", 400)
    assert streamed["response"]["body"]["error"]["param"] == "stream"


def test_other_endpoints_are_run_as_well(client: OpenAI) -> None:
    line = request("e", url="/v1/embeddings", body={"model": "m", "input": "x"})
    batch = looked_at(client, started(client, [line], "/v1/embeddings"), 3)
    (answered,) = lines_of(client, batch.output_file_id)
    assert answered["response"]["body"]["data"][0]["object"] == "embedding"


@pytest.mark.parametrize(
    ("line", "code", "param"),
    [
        ("{", "invalid_json_line", None),
        ("[]", "invalid_json_line", None),
        ({"method": "POST", "url": CHAT, "body": {}}, "missing_required_parameter", "custom_id"),
        (request("b", method=None), "missing_required_parameter", "method"),
        (request("b", url=None), "missing_required_parameter", "url"),
        (request("b", body=None), "missing_required_parameter", "body"),
        (request("b", body="x"), "invalid_type", "body"),
        (request("b", method="GET"), "invalid_method", "method"),
        (request("b", url="/v1/embeddings"), "mismatched_url", "url"),
        (request("a"), "duplicate_custom_id", "custom_id"),
        (request("b", body={"model": "other"}), "mismatched_model", "body.model"),
    ],
)
def test_a_broken_line_fails_the_batch(client: OpenAI, line: object, code: str, param: str | None) -> None:
    batch = looked_at(client, started(client, [request("a"), "", line]), 2)
    assert (batch.status, batch.in_progress_at, batch.output_file_id) == ("failed", None, None)
    assert batch.failed_at is not None
    assert batch.errors is not None
    assert batch.errors.object == "list"
    assert batch.errors.data is not None
    assert [(one.code, one.param, one.line) for one in batch.errors.data] == [(code, param, 3)]
    assert batch.errors.data[0].message


def test_an_empty_file_fails_the_batch(client: OpenAI) -> None:
    batch = looked_at(client, started(client, ["\n"]), 1)
    assert batch.errors is not None
    assert [(one.code, one.line) for one in batch.errors.data or []] == [("empty_file", None)]


def test_fifty_thousand_lines_are_the_most(client: OpenAI) -> None:
    row = '{"custom_id": "%d", "method": "POST", "url": "/v1/chat/completions", "body": {}}'
    batch = started(client, (row % number for number in range(50_001)))
    batch = looked_at(client, batch, 1)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert [one.code for one in batch.errors.data or []] == ["too_many_requests"]


def test_only_so_many_errors_are_told(client: OpenAI) -> None:
    batch = looked_at(client, started(client, ["{"] * 200), 1)
    assert batch.errors is not None
    assert [one.line for one in batch.errors.data or []] == list(range(1, 101))


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_batch_that_has_not_ended_can_be_cancelled(client: OpenAI, looks: int) -> None:
    batch = looked_at(client, started(client, [request("a")]), looks)
    cancelling = client.batches.cancel(batch.id)
    assert cancelling.status == "cancelling"
    assert cancelling.cancelling_at is not None
    cancelled = looked_at(client, batch, 2)
    assert cancelled.status == "cancelled"
    assert cancelled.cancelled_at is not None
    # What was answered before stays.
    assert bool(cancelled.output_file_id) == (looks == 2)


async def test_a_batch_can_be_looked_at_and_cancelled_while_it_runs(
    client: OpenAI, async_client: AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, parsed = threading.Event(), batch_lines.parsed

    async def held(content: Content, turn: batch_lines.Turn) -> AsyncIterator[tuple[bytes, Any]]:
        async for line, request in parsed(content, turn):
            if request["custom_id"] == "5":
                await asyncio.to_thread(go_on.wait, 30)
            yield line, request

    monkeypatch.setattr(batch_lines, "parsed", held)
    batch = looked_at(client, started(client, (request(str(number)) for number in range(9))), 1)
    both = [asyncio.create_task(async_client.batches.retrieve(batch.id)) for _ in range(2)]
    # One of them runs the lines and is held, so that the other is answered.
    (looked,), (running,) = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    seen = await looked
    while seen.request_counts != BatchRequestCounts(total=9, completed=5, failed=0):
        assert seen.status == "in_progress"
        seen = await async_client.batches.retrieve(batch.id)
    assert (await async_client.batches.cancel(batch.id)).status == "cancelling"
    go_on.set()
    assert (await running).status == "cancelling"
    cancelled = await async_client.batches.retrieve(batch.id)
    assert cancelled.status == "cancelled"
    assert [line["custom_id"] for line in lines_of(client, cancelled.output_file_id)] == list("01234")


@pytest.mark.parametrize(("lines", "status"), [([request("a")], "completed"), (["{"], "failed")])
def test_a_batch_that_has_ended_cannot_be_cancelled(client: OpenAI, lines: list[object], status: str) -> None:
    batch = looked_at(client, started(client, lines), 3)
    with pytest.raises(openai.ConflictError, match=f"Cannot cancel a batch with status '{status}'"):
        client.batches.cancel(batch.id)


def test_the_input_may_be_deleted_before_the_batch_has_run(client: OpenAI) -> None:
    batch = started(client, [request("a")])
    client.files.delete(batch.input_file_id)
    assert looked_at(client, batch, 3).status == "completed"


def test_results_expire_when_asked_to(client: OpenAI) -> None:
    expiry: Any = {"anchor": "created_at", "seconds": 3_600}
    batch = looked_at(client, started(client, [request("a")], output_expires_after=expiry), 3)
    file = client.files.retrieve(str(batch.output_file_id))
    assert file.expires_at == file.created_at + 3_600


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input_file_id": None}, "input_file_id"),
        ({"input_file_id": "file-none"}, "input_file_id"),
        ({"input_file_id": 5}, "input_file_id"),
        ({"endpoint": "/v1/audio/speech"}, "endpoint"),
        ({"endpoint": None}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
    ],
)
def test_what_is_wrong_with_the_request_is_a_400(
    client: OpenAI, http: httpx.Client, change: dict[str, Any], param: str
) -> None:
    file = client.files.create(file=("in.jsonl", b"{}"), purpose="batch")
    body = {"input_file_id": file.id, "endpoint": CHAT, "completion_window": "24h", **change}
    answer = http.post("/batches", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_file_of_another_purpose_is_a_400(client: OpenAI) -> None:
    file = client.files.create(file=("in.jsonl", b"{}"), purpose="user_data")
    with pytest.raises(openai.BadRequestError, match="purpose") as raised:
        client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")  # type: ignore[arg-type]
    assert raised.value.param == "input_file_id"


def test_an_unknown_batch_is_a_404(client: OpenAI) -> None:
    for ask in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError, match="No batch found with id 'batch_none'"):
            ask("batch_none")


def test_equal_batches_of_two_sandboxes_are_equal(fresh: SandboxServer) -> None:
    outputs = []
    with SandboxServer() as other:
        for server in (fresh, other):
            with OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
                batch = looked_at(client, started(client, [request("a")]), 3)
                outputs.append((batch, lines_of(client, batch.output_file_id)))
    assert outputs[0] == outputs[1]
