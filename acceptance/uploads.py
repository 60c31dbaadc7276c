"""Flow A: an upload in parts becomes a file that is what was sent, and an upload is cancelled."""

import json
from typing import Any

from acceptance.answer import Answer, equal
from acceptance.client import segment
from acceptance.flow import Run

_NAME = "relay-check.jsonl"
_TEXT = "Grüße aus dem Prüflauf: 你好, 🙂"


def run(run: Run) -> None:
    """Show the flow; raises Stopped."""
    content = _content(run.model)
    with run.step("two parts become one file") as row:
        file = _uploaded(run, content)
        row.detail = f"{len(content)} bytes, {file}"
    with run.step("its content is what was sent"):
        answer = run.client.send("GET", f"/files/{segment(file)}/content").succeeded()
        equal(f"{answer.request}: the {len(content)} bytes sent", answer.body, content)
    with run.step("a request without body and Content-Type cancels an upload"):
        created = _created(run, len(content))
        _cancelled(run, created.name_at("id")).says(status="cancelled")


def _content(model: str) -> bytes:
    # A file of this purpose must be one that a batch could take.
    body = {"model": model, "input": _TEXT}
    lines = [
        {"custom_id": f"line-{n}", "method": "POST", "url": "/v1/responses", "body": body} for n in (1, 2)
    ]
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def _created(run: Run, size: int) -> Answer:
    # Of the purposes there are, `batch` is one whose files may be read again.
    wanted: dict[str, Any] = {"purpose": "batch", "filename": _NAME, "bytes": size, "mime_type": "text/jsonl"}
    return run.client.send("POST", "/uploads", json=wanted).says(status="pending")


def _uploaded(run: Run, content: bytes) -> str:
    """The id of the file that `content` became."""
    upload = _created(run, len(content)).name_at("id")
    pending = [upload]
    run.undo(lambda: _cancelled(run, pending[0]) if pending else None)
    # The first part ends inside a character.
    middle = content.index("🙂".encode()) + 2
    parts = [_part(run, upload, piece) for piece in (content[:middle], content[middle:])]
    completed = run.client.send("POST", f"/uploads/{segment(upload)}/complete", json={"part_ids": parts})
    completed.says(status="completed")
    pending.clear()
    file = completed.name_at("file", "id")
    run.delete(f"/files/{segment(file)}")
    equal(f"{completed.request}: file.bytes", completed.at("file", "bytes"), len(content))
    return file


def _part(run: Run, upload: str, piece: bytes) -> str:
    files = {"data": ("part", piece, "application/octet-stream")}
    answer = run.client.send("POST", f"/uploads/{segment(upload)}/parts", files=files)
    return answer.says(upload_id=upload).name_at("id")


def _cancelled(run: Run, upload: str) -> Answer:
    return run.client.send("POST", f"/uploads/{segment(upload)}/cancel")
