"""Each flow passes on a relay that is right, and fails on one that is wrong in just that."""

import asyncio
import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from acceptance.client import Target
from acceptance.command import FLOWS, run
from tests.acceptance.stage import BATCH, KEY, Rewritten, Spoil, Spoiled, Stage, listed, stuck

SHAPE = {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}


def check(root: str, only: str | None = None, *, seconds: float = 20, wait: float = 20) -> int:
    return run(Target(root, KEY, seconds), "gpt-5.1", "gpt-realtime", only=only, wait=wait)


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox pause less between two events, and still as long as flow B wants to see."""
    monkeypatch.setattr("acceptance.streams._PACE", {"x-sandbox-delay-ms": "10"})


def failure(output: str) -> str:
    """The one row that failed, what was expected and what came, as one line."""
    rows = re.findall(r"^(.+? FAILED .*\n +expected .*\n +came .*)$", output, re.MULTILINE)
    assert len(rows) == 1, output
    return re.sub(r"\s+", " ", rows[0])


def test_every_flow_passes_on_a_relay_that_is_right(fresh: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(fresh.root) == 0
    said = capsys.readouterr().out
    assert said.endswith("7 flows (A, B, C, D, E, F, G), all shown\n")
    assert {line.split()[0] for line in said.splitlines()[1:-1]} == set(FLOWS)
    assert "in_progress → finalizing → completed" in said
    assert len(fresh.uploads) == 2
    assert not fresh.left()


def body(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda status, whole, _: (status, change(whole))


def members(**changed: object) -> Spoil:
    return body(lambda whole: json.dumps({**json.loads(whole), **changed}).encode())


def answer(status: int, whole: bytes = b'{"error": "no"}') -> Spoil:
    return lambda *_: (status, whole)


def in_shape(status: int, code: str | None) -> Spoil:
    return answer(status, json.dumps({"error": {**SHAPE, "code": code}}).encode())


def without(pattern: bytes) -> Spoil:
    return body(lambda whole: re.sub(pattern, b"", whole, count=1))


def one_byte(whole: bytes) -> bytes:
    upload = json.loads(whole)
    upload["file"]["bytes"] = 1
    return json.dumps(upload).encode()


TWICE = json.dumps(
    {"paths": {"/a": {"get": {"operationId": "x"}}, "/b": {"put": {"operationId": "x"}}}}
).encode()
CONTENT = "GET /v1/files/[^/]+/content"


@dataclass(frozen=True)
class Sabotage:
    flow: str
    request: str
    spoil: Spoil
    said: str


SABOTAGES = {
    "an upload is not taken": Sabotage("A", "POST /v1/uploads", answer(415), "status 200 came 415"),
    "a part is of another upload": Sabotage("A", ".*/parts", members(upload_id="x"), "upload_id: 'upload_"),
    "completing fails": Sabotage("A", ".*/complete", answer(500), "complete: status 200 came 500"),
    "completing loses a part": Sabotage("A", ".*/complete", body(one_byte), "file.bytes: 296 came 1"),
    "a download has other bytes": Sabotage("A", CONTENT, body(bytes.upper), "its content is what was sent"),
    "a download is cut": Sabotage(
        "A", CONTENT, body(lambda whole: whole[:-1]), "its content is what was sent"
    ),
    "cancelling wants a Content-Type": Sabotage(
        "A", ".*/cancel", answer(415), "Content-Type cancels an upload"
    ),
    "cancelling does not": Sabotage("A", ".*/cancel", members(status="pending"), "came 'pending'"),
    "a stream is collected": Sabotage("B", "POST .*", body(bytes), "first event arrives before"),
    "a stream is refused": Sabotage("B", "POST .*", answer(503), "200 text/event-stream came 503"),
    "a stream is empty": Sabotage("B", "POST .*", body(lambda _: b""), "events came none"),
    "a stream is cut": Sabotage("B", "POST .*", body(lambda whole: whole[:-20]), "between two events"),
    "events are no JSON": Sabotage("B", "POST .*", body(lambda _: b"data: x\n\n"), "JSON came x"),
    "a document has an id twice": Sabotage("C", ".*", answer(200, TWICE), "more than once: x"),
    "a document has an operation without id": Sabotage(
        "C", ".*", answer(200, b'{"paths": {"/a": {"get": {}}}}'), "a member get.operationId"
    ),
    "a document has no operations": Sabotage(
        "C", ".*", answer(200, b'{"paths": {}}'), "operations came none"
    ),
    "a document is no JSON": Sabotage("C", ".*", answer(200, b"<html>"), "JSON came <html>"),
    "unknown content is a 500": Sabotage("D", CONTENT, in_shape(500, None), "unknown file is a 404"),
    "an unknown container is a 500": Sabotage(
        "D", ".*containers.*", in_shape(500, None), "unknown container"
    ),
    "an unknown video is a 404 in another shape": Sabotage(
        "D", ".*videos.*", answer(404, b'{"detail": "Not Found"}'), "a member error"
    ),
    "an error lacks a member": Sabotage("D", CONTENT, answer(404, b'{"error": {}}'), "message, type, param"),
    "the path itself is unknown": Sabotage(
        "D", CONTENT, in_shape(404, "unknown_url"), "of what is not there"
    ),
    "unknown content is there": Sabotage("D", CONTENT, answer(200), "status 404 came 200"),
    "a batch is not taken": Sabotage("E", "POST /v1/batches", answer(400), "POST /v1/batches: status 200"),
    "a batch fails": Sabotage("E", BATCH, members(status="failed", errors="E1"), "errors E1"),
    "a batch has no output": Sabotage("E", BATCH, members(output_file_id=None), "an id in output_file_id"),
    "no pong": Sabotage("E", CONTENT, body(lambda whole: whole.replace(b"pong", b"ping")), "texts by line"),
    "a line is missing": Sabotage("E", CONTENT, without(rb"\A.*\n"), "texts by line"),
    "a line failed": Sabotage("E", CONTENT, without(rb"(?<=\"status_code\": )200"), "JSON came"),
    "a line has another status": Sabotage(
        "E", CONTENT, body(lambda whole: whole.replace(b"200", b"429")), "status: 200 came 429"
    ),
    "a line's body is no response": Sabotage(
        "E", CONTENT, body(lambda whole: whole.replace(b"[{", b'7, "x": [{', 1)), "an array in output"
    ),
    "metadata is of another purpose": Sabotage(
        "F", "GET /v1/files/[^/]+", members(purpose="batch"), "purpose: 'user_data' came 'batch'"
    ),
    "user data is given out": Sabotage("F", CONTENT, answer(200), "file_download_forbidden came 200"),
    "user data is refused for another reason": Sabotage(
        "F", CONTENT, in_shape(403, "other"), '"code": "other"'
    ),
    "a created file has no id": Sabotage("F", "POST .*", members(id=None), "an id in id came None"),
    "what was made stays": Sabotage("F", "DELETE .*", in_shape(500, None), "deleted again"),
}


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_flow_fails_where_its_relay_does(
    name: str, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    sabotage = SABOTAGES[name]
    stage.front = Spoiled(stage.relay, sabotage.request, sabotage.spoil)
    assert check(stage.root, sabotage.flow) == 1
    said = capsys.readouterr().out
    found = failure(said) if said.count("FAILED") == 1 else re.sub(r"\s+", " ", said)
    assert sabotage.said in found
    assert said.endswith(f"1 flows ({sabotage.flow}), failed: {sabotage.flow}\n")


EVENTS = {
    "it never completes": (
        rb"response\.completed",
        b"response.failed",
        "the last event: 'response.completed'",
    ),
    "it begins otherwise": (rb"response\.created", b"response.queued", "the first event: 'response.created'"),
    "a delta is lost": (rb'.*\n.*"delta":" word7".*\n\n', b"", "the deltas joined"),
    "an event is lost": (rb"event: response\.in_progress\n.*\n\n", b"", "sequence numbers"),
    "there are no deltas": (rb"output_text\.delta", b"output_text.other", "two events"),
    "there is no text": (rb"output_text\.done", b"output_text.other", "output_text.done: 1 came 0"),
    "an event has no type": (rb'"type":"response\.content', b'"kind":"x', "each event: a member type"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_stream_fails_where_its_events_do(
    name: str, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern, instead, said = EVENTS[name]
    stage.front = Rewritten(stage.relay, pattern, instead)
    assert check(stage.root, "B") == 1
    assert said in failure(capsys.readouterr().out)


def test_the_other_flows_still_run_and_what_was_made_is_deleted(
    fresh: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh.front = Spoiled(fresh.relay, ".*/parts|.*/content", answer(500))
    assert check(fresh.root, "F,E,D,C,A") == 1
    said = capsys.readouterr().out
    assert said.endswith("5 flows (A, C, D, E, F), failed: A, D, E, F\n")
    assert said.count("what was made is deleted again") == said.count("FAILED") - 1 == 3
    assert len(fresh.uploads) == 1
    assert not fresh.left()


def test_a_batch_that_takes_too_long_is_cancelled(fresh: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    fresh.front = stuck(fresh.relay)
    assert check(fresh.root, "E", wait=0.1) == 1
    assert "completed within 0.1 s came in_progress" in failure(capsys.readouterr().out)
    assert [batch["status"] for batch in listed(fresh.root, KEY, "batches")] == ["cancelling"]
    assert not fresh.left()


async def silent(_scope: Scope, receive: Receive, _send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    left = asyncio.ensure_future(silent(scope, receive, send))
    while not left.done():
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (silent, "no silence of more than 0.2 s came ReadTimeout"),
        (endless, "the end of its answer within 0.2 s"),
    ],
)
def test_a_request_is_bounded_in_time(
    app: ASGIApp, said: str, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.front = app
    assert check(stage.root, "C", seconds=0.2) == 1
    assert said in failure(capsys.readouterr().out)


def test_a_relay_that_is_not_there_fails_every_flow(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        assert check(f"http://127.0.0.1:{taken.getsockname()[1]}") == 1
    said = capsys.readouterr().out
    assert said.count("FAILED") == said.count("ConnectError") == 7


def test_the_key_is_shown_to_the_relay_and_to_nobody_else(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []

    def echoed(_status: int, _whole: bytes, scope: Scope) -> tuple[int, bytes]:
        shown.append(dict(scope["headers"])[b"authorization"])
        return 401, b"\x1b[2Jwho is " + shown[-1] + b"?" * 1000

    stage.front = Spoiled(stage.relay, ".*", echoed)
    assert run(Target(f"{stage.root}/v1/", f"{KEY},another", 20), "gpt-5.1", "m", wait=1) == 1
    assert set(shown) == {b"Bearer " + KEY.encode()}
    said = capsys.readouterr().out
    assert "who is Bearer (the key)" in said
    assert KEY not in said
    assert "\x1b" not in said
    assert max(map(len, said.splitlines())) < 400


def test_an_observer_is_told_of_each_whole_answer(stage: Stage) -> None:
    told: list[tuple[str, str, int]] = []
    run(
        Target(stage.root, KEY, 20),
        "m",
        "m",
        only="f",
        wait=1,
        observer=lambda *request: told.append(request),
    )
    file = told[-1][1]
    assert re.fullmatch(r"/v1/files/file-\w+", file)
    assert told == [
        ("POST", "/v1/files", 200),
        ("GET", file, 200),
        ("GET", f"{file}/content", 403),
        ("DELETE", file, 200),
    ]
