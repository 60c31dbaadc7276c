"""Batches: the lines of a file run as requests, one step further each time that the batch is retrieved."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response

from sandbox import batch_lines, files, resources
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.content import Content, Piece
from sandbox.errors import ApiError
from sandbox.ids import Ids
from sandbox.requests import check
from sandbox.store import Resource

_LIFE_SECONDS = 86_400
_PREFIX = "/v1"
_OUTPUTS = ("output", "error")
_CANCELLABLE = frozenset({"validating", "in_progress", "finalizing"})


def create(call: Call) -> Response:
    """Answer ``createBatch``: the file is looked into at the first retrieval."""
    check(call)
    source = files.file_of(call, call.given["input_file_id"], "input_file_id", "batch")
    batch = resources.made(call, status="validating", request_counts=_counts())
    batch.facts["expires_at"] = batch.facts["created_at"] + _LIFE_SECONDS
    # The file may be deleted before the batch has run.
    batch.content = source.content
    call.store.weigh(call.collection, batch)
    return call.answer(batch.facts)


async def retrieve(call: Call) -> Response:
    """Answer ``retrieveBatch``; while one retrieval runs the lines, others answer how far it is."""
    batch = resources.found(call)
    step = _STEPS.get(batch.facts["status"])
    if step and not batch.hidden.get("busy") and not call.head:
        batch.hidden["busy"] = True
        try:
            await step(call, batch)
        finally:
            batch.hidden["busy"] = False
            batch.size = sum(batch.hidden[kind].memory for kind in _OUTPUTS if kind in batch.hidden)
            call.store.weigh(call.collection, batch)
    return call.answer(batch.facts)


def cancel(call: Call) -> Response:
    """Answer ``cancelBatch``: what was answered until then is kept, the next retrieval says it is over."""
    batch = resources.ancestors(call)[0]
    status = batch.facts["status"]
    if status not in _CANCELLABLE:
        raise ApiError(409, f"Cannot cancel a batch with status '{status}'.")
    _move(call, batch, "cancelling")
    return call.answer(batch.facts)


async def _validate(call: Call, batch: Resource) -> None:
    found = await batch_lines.judge(_input(batch), batch.facts["endpoint"], call.sandbox.turn)
    if batch.facts["status"] != "validating":
        return
    if found.errors:
        batch.facts["errors"] = {"object": "list", "data": found.errors}
        _move(call, batch, "failed")
        return
    batch.facts |= {"request_counts": _counts(found.total), "model": found.model}
    _move(call, batch, "in_progress")


async def _run(call: Call, batch: Resource) -> None:
    # Afresh: an earlier retrieval that failed on its way may have left some.
    output = {kind: Piece() for kind in _OUTPUTS}
    batch.hidden |= output
    counts = Counter[str]()
    total = batch.facts["request_counts"]["total"]
    async for line, request in batch_lines.parsed(_input(batch), call.sandbox.turn):
        if batch.facts["status"] != "in_progress":
            return
        ids = Ids(batch.id, line)
        response = await _performed(call, request)
        kind = "output" if response.status_code < HTTPStatus.MULTIPLE_CHOICES else "error"
        output[kind].append(_line(ids, request["custom_id"], response))
        counts[kind] += 1
        batch.facts["request_counts"] = _counts(total, counts["output"], counts["error"])
    if batch.facts["status"] == "in_progress":
        _move(call, batch, "finalizing")


async def _finish(call: Call, batch: Resource) -> None:
    for kind in _OUTPUTS:
        lines: Piece | None = batch.hidden.pop(kind, None)
        if lines and lines.size:
            given = {"purpose": "batch_output", "expires_after": batch.facts.get("output_expires_after")}
            file = files.kept(call, Content([lines]), f"{batch.id}_{kind}.jsonl", given)
            batch.facts[f"{kind}_file_id"] = file.id
    batch.content = None
    _move(call, batch, "cancelled" if batch.facts["status"] == "cancelling" else "completed")


_STEPS: dict[str, Callable[[Call, Resource], Awaitable[None]]] = {
    "validating": _validate,
    "in_progress": _run,
    "finalizing": _finish,
    "cancelling": _finish,
}


async def _performed(call: Call, request: JsonObject) -> Response:
    """What the request of a line is answered with."""
    body = request["body"]
    if body.get("stream"):
        message = "Streaming is not supported in a batch: 'stream' must be false."
        return ApiError(400, message, param="stream", code="unsupported_value").response()
    path = request["url"].removeprefix(_PREFIX)
    return await call.sandbox.perform("POST", path, json.dumps(body).encode())


def _line(ids: Ids, custom_id: str, answer: Response) -> bytes:
    request_id = answer.headers.get("x-request-id", ids.request())
    response = {"status_code": answer.status_code, "request_id": request_id}
    line = {"id": ids.made("batch_req_"), "custom_id": custom_id, "error": None, "response": response}
    head = json.dumps(line, ensure_ascii=False).encode().removesuffix(b"}}")
    # The body is JSON on one line already, and may be large: it goes in as it is, as the last field.
    return b"".join([head, b', "body": ', answer.body, b"}}\n"])


def _input(batch: Resource) -> Content:
    assert batch.content is not None
    return batch.content


def _counts(total: int = 0, completed: int = 0, failed: int = 0) -> JsonObject:
    return {"total": total, "completed": completed, "failed": failed}


def _move(call: Call, batch: Resource, status: str) -> None:
    batch.facts |= {"status": status, f"{status}_at": call.store.now()}


HANDLERS: dict[str, Handler] = {
    "createBatch": create,
    "retrieveBatch": retrieve,
    "cancelBatch": cancel,
}
