"""Flow E: a batch runs to its end, and each of its lines is answered."""

import json
import time
from http import HTTPStatus
from typing import Any

from acceptance.answer import Answer, Unmet, equal, items, member, parsed
from acceptance.client import segment
from acceptance.flow import Row, Run

_LINES = ("ping-1", "ping-2")
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 5.0
_GROWTH = 1.5


def run(run: Run) -> None:
    """Show the flow; raises Stopped."""
    with run.step("a batch of two lines is created") as row:
        batch = _created(run)
        row.detail = batch
    with run.step("it is polled until it is completed") as row:
        ended = _completed(run, batch, row)
    with run.step("its output answers each line with pong"):
        output = segment(ended.name_at("output_file_id"))
        _check_output(run.client.send("GET", f"/files/{output}/content").succeeded())


def _created(run: Run) -> str:
    body = {"model": run.model, "input": "Return exactly: pong", "store": False}
    lines = [{"custom_id": name, "method": "POST", "url": "/v1/responses", "body": body} for name in _LINES]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    files = {"file": ("relay-check.jsonl", content, "application/jsonl")}
    answer = run.client.send("POST", "/files", data={"purpose": "batch"}, files=files)
    file = answer.says(purpose="batch").name_at("id")
    run.delete(f"/files/{segment(file)}")
    wanted = {"input_file_id": file, "endpoint": "/v1/responses", "completion_window": "24h"}
    created = run.client.send("POST", "/batches", json=wanted)
    batch = created.says(input_file_id=file).name_at("id")
    run.undo(lambda: _left(run, batch))
    return batch


def _left(run: Run, batch: str) -> Answer | None:
    """Cancel a batch that has not ended, and delete the files that one has made."""
    answer = run.client.send("GET", f"/batches/{segment(batch)}").succeeded()
    if str(answer.at("status")) not in _ENDED | {"cancelling"}:
        return run.client.send("POST", f"/batches/{segment(batch)}/cancel")
    made = [answer.json().get(name) for name in ("output_file_id", "error_file_id")]
    deleted = [run.client.send("DELETE", f"/files/{segment(str(file))}") for file in made if file]
    refused = [answer for answer in deleted if answer.status != HTTPStatus.OK]
    return refused[0] if refused else None


def _completed(run: Run, batch: str, row: Row) -> Answer:
    end = time.monotonic() + run.wait
    pause = _FIRST_PAUSE
    statuses: list[str] = []
    while True:
        answer = run.client.send("GET", f"/batches/{segment(batch)}").succeeded()
        status = str(answer.at("status"))
        statuses += [status] if status not in statuses[-1:] else []
        row.detail = " → ".join(statuses)
        if status in _ENDED:
            break
        left = end - time.monotonic()
        if left <= 0:
            raise Unmet(f"{answer.request}: completed within {run.wait:g} s", row.detail)
        time.sleep(min(pause, left))
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
    if status != "completed":
        raise Unmet(f"{answer.request}: completed", f"{row.detail}, errors {answer.json().get('errors')}")
    return answer


def _check_output(answer: Answer) -> None:
    said = {}
    for line in answer.body.splitlines():
        value = parsed(answer.request, line)
        equal(f"{answer.request}: each line's error", member(answer.request, value, "error"), None)
        status = member(answer.request, value, "response", "status_code")
        equal(f"{answer.request}: each line's status", status, 200)
        name = str(member(answer.request, value, "custom_id"))
        said[name] = _text(answer.request, member(answer.request, value, "response", "body")).strip()
    equal(f"{answer.request}: texts by line", said, dict.fromkeys(_LINES, "pong"))


def _text(request: str, response: Any) -> str:
    """The text of a Response object."""
    messages = [
        item for item in items(request, response, "output") if member(request, item, "type") == "message"
    ]
    parts = [part for item in messages for part in items(request, item, "content")]
    return "".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)
