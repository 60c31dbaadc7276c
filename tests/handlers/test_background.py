"""A response that may outlast an Action is made in the background, and waited for."""

import json
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from handlers import actions
from relay.actions import background
from tests.relay.telemetry.watching import sample
from tests.relay.wire import Answer, ask
from tests.servers import Recorder, answering, recording, relay_over

JSON = "content-type: application/json"


def create(root: str, body: bytes) -> Answer:
    return ask(root, "POST", "/v1/actions/responses", JSON, body=body)


def response(status: str, **more: Any) -> bytes:
    return json.dumps({"id": "resp_1", "object": "response", "status": status, **more}).encode()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_PAUSE", 0.01)


def saying(recorder: Recorder, *answers: tuple[bytes, int]) -> None:
    left = list(answers)

    async def reply(scope: Scope, receive: Receive, send: Send) -> None:
        body, status = left.pop(0)
        await answering(body, status)(scope, receive, send)

    recorder.reply = reply


def asked(recorder: Recorder) -> list[tuple[str, bytes]]:
    return [(seen.method, seen.target) for seen in recorder.seen]


def test_it_is_waited_for(relay: str, recorder: Recorder) -> None:
    saying(
        recorder, (response("queued"), 200), (response("in_progress"), 200), (response("completed", x=1), 200)
    )
    answer = create(relay, b'{"model": "m",  "input": "i"}')
    assert (answer.status, answer.body) == (200, response("completed", x=1))
    assert asked(recorder) == [("POST", b"/v1/responses"), *[("GET", b"/v1/responses/resp_1")] * 2]
    assert json.loads(recorder.seen[0].body) == {"model": "m", "input": "i", "background": True}
    assert [(seen.header(b"content-type"), seen.body) for seen in recorder.seen[1:]] == [([], b""), ([], b"")]
    assert not [seen for seen in recorder.seen[1:] if seen.header(b"transfer-encoding")]


@pytest.mark.parametrize("status", ["completed", "failed", "incomplete", "cancelled", None, "new"])
def test_what_is_over_is_not_asked_for(relay: str, recorder: Recorder, status: str) -> None:
    saying(recorder, (response(status), 200))
    assert create(relay, b"{}").body == response(status)


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "m", "background": false, "x": 1.50}',
        b'{"model": "m","store":false}',
        b'{"model": "m", "background": null}',
        b'{"model": "m", "background": true}',
    ],
)
def test_who_wants_no_background_gets_none(relay: str, recorder: Recorder, body: bytes) -> None:
    assert create(relay, body).status == 200
    assert recorder.seen[0].body == body


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_what_was_used_is_told_once(relay: str, recorder: Recorder, looks: int) -> None:
    used = {"model": f"told-{looks}", "usage": {"input_tokens": 3, "output_tokens": 4}}
    saying(recorder, *[(response("queued"), 200)] * looks, (response("completed", **used), 200))
    assert create(relay, b'{"model": "m", "input": "i"}').status == 200
    told = {"operation": "createResponse", "model": f"told-{looks}"}
    assert sample(relay, "relay_usage_tokens_total", **told, kind="input") == 3
    assert sample(relay, "relay_usage_tokens_total", **told, kind="output") == 4


def test_what_takes_longer_says_how_to_ask_for_it(
    relay: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "SECONDS", 0)
    saying(recorder, (response("in_progress"), 200))
    answer = json.loads(create(relay, b"{}").body)
    assert answer["status"] == "in_progress"
    assert answer["relay"]["poll"] == {
        "method": "GET",
        "path": "/v1/actions/responses/resp_1",
        "after_seconds": 5,
    }
    assert len(recorder.seen) == 1


def test_a_client_that_asked_for_the_background_is_not_kept_waiting(relay: str, recorder: Recorder) -> None:
    saying(recorder, (response("queued"), 200))
    assert create(relay, b'{"background": true}').body == response("queued")


def test_what_is_to_be_included_is_asked_for_again(
    relay: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = b'{"include": ["file_search_call.results", "x y"]}'
    query = "include%5B%5D=file_search_call.results&include%5B%5D=x+y"
    saying(recorder, (response("queued"), 200), (response("completed"), 200))
    create(relay, wanted)
    assert recorder.seen[1].target == f"/v1/responses/resp_1?{query}".encode()
    monkeypatch.setattr(actions, "SECONDS", 0)
    saying(recorder, (response("queued"), 200))
    answer = json.loads(create(relay, wanted).body)
    assert answer["relay"]["poll"]["path"] == f"/v1/actions/responses/resp_1?{query}"


def test_a_silent_look_ends_with_the_time(
    relay: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "SECONDS", 0.5)
    first = answering(response("queued"))

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await first(scope, receive, send)
        else:
            await recorder.until_left(receive)

    recorder.reply = silent
    assert "relay" in json.loads(create(relay, b"{}").body)
    assert recorder.left.wait(10)


def test_a_finished_one_that_is_too_large_can_be_found(relay: str, recorder: Recorder) -> None:
    saying(recorder, (response("queued"), 200), (response("completed", text="x" * 100_000), 200))
    answer = create(relay, b"{}")
    assert (answer.status, answer.error["code"]) == (413, "result_too_large")
    assert "GET /v1/responses/resp_1" in answer.error["message"]


@pytest.mark.parametrize("blocked", ["getResponse", "getResponseAction"])
def test_without_a_way_to_ask_there_is_no_background(blocked: str) -> None:
    recorder = Recorder(reply=answering(response("completed")))
    with recording(recorder) as base, relay_over(base, relay_blocked_operations=[blocked]) as root:
        assert create(root, b'{"model":"m"}').status == 200
    assert [seen.body for seen in recorder.seen] == [b'{"model":"m"}']


@pytest.mark.parametrize("body", [b'"hello"', b"[1]", b"null", b"5"])
def test_what_is_no_object_is_refused_as_at_the_operation_itself(
    relay: str, recorder: Recorder, body: bytes
) -> None:
    answer = create(relay, body)
    assert (answer.status, answer.error["code"], recorder.seen) == (400, "invalid_type", [])


@pytest.mark.parametrize(
    ("body", "model"), [(b"{}", "gpt-5.1"), (b'{"model": "m"}', "m"), (b'{"prompt": {"id": "p"}}', None)]
)
def test_the_default_model_is_filled_in(
    relay: str, recorder: Recorder, body: bytes, model: str | None
) -> None:
    saying(recorder, (response("completed"), 200))
    create(relay, body)
    assert json.loads(recorder.seen[0].body).get("model") == model


def test_a_failed_look_leaves_what_is_known(relay: str, recorder: Recorder) -> None:
    saying(recorder, (response("queued"), 200), (b'{"error": {}}', 500))
    answer = json.loads(create(relay, b"{}").body)
    assert (answer["status"], answer["relay"]["poll"]["path"]) == ("queued", "/v1/actions/responses/resp_1")


def test_an_odd_id_stays_one_segment(relay: str, recorder: Recorder) -> None:
    odd = json.dumps({"id": "../files", "status": "queued"}).encode()
    saying(recorder, (odd, 200))
    answer = create(relay, b"{}")
    assert answer.status == 200
    assert json.loads(answer.body)["status"] == "queued"
    assert asked(recorder) == [("POST", b"/v1/responses")]


@pytest.mark.parametrize("body", [b'{"stream": true}', b'{"stream":true,"background":false}'])
def test_a_stream_is_refused(relay: str, recorder: Recorder, body: bytes) -> None:
    answer = create(relay, body)
    assert (answer.status, answer.error["param"], answer.error["code"]) == (
        400,
        "stream",
        "stream_not_supported",
    )
    assert recorder.seen == []


def test_the_sandbox_finishes_one(sandbox_relay: str) -> None:
    answer = json.loads(create(sandbox_relay, b'{"model": "m", "input": "Return exactly: pong"}').body)
    assert (answer["status"], answer["background"]) == ("completed", True)
    assert answer["output"][-1]["content"][0]["text"] == "pong"
