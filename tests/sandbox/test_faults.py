import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from sandbox.faults import FAULT_HEADER
from sandbox.server import SandboxServer
from tests.sandbox.conftest import events
from tests.servers import RELAY_KEY, relay_over, until

CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "Return exactly: a b c d e f"}],
}
STREAM = {**CHAT, "stream": True}
PATH = "/chat/completions"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No fault is a failure of the server: nothing is logged."""
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.fixture(scope="module")
def relay(sandbox: SandboxServer) -> Iterator[httpx.Client]:
    with relay_over(sandbox.base_url) as root:
        headers = {"authorization": f"Bearer {RELAY_KEY}"}
        with httpx.Client(base_url=f"{root}/v1", headers=headers, timeout=30) as made:
            yield made


def fault(text: str) -> dict[str, str]:
    return {FAULT_HEADER: text}


def cut(http: httpx.Client, path: str, text: str, **request: Any) -> tuple[int, bytes]:
    """The status and the bytes that arrive before the connection breaks."""
    arrived = b""
    with http.stream("POST", path, headers=fault(text), **request) as answer:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):  # noqa: PT012 - it breaks while being read
            for chunk in answer.iter_raw():
                arrived += chunk
        return answer.status_code, arrived


def test_a_status_is_raised_by_the_client(client: OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**CHAT, extra_headers=fault("status=429;retry-after=2"))
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.code == "sandbox_fault"


@pytest.mark.parametrize("body", [CHAT, STREAM])
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503, 599])
def test_a_status_stands_in_for_the_answer(http: httpx.Client, status: int, body: dict[str, Any]) -> None:
    answer = http.post(PATH, json=body, headers=fault(f"status={status}"))
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    assert "retry-after" not in answer.headers
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_stream_is_cut_after_so_many_events(http: httpx.Client, count: int) -> None:
    whole = http.post(PATH, json=STREAM).text
    status, arrived = cut(http, PATH, f"cut-after={count}", json=STREAM)
    assert status == 200
    assert events(arrived.decode()) == events(whole)[:count]


@pytest.mark.parametrize("count", [0, 1, 100])
def test_a_body_is_cut_after_so_many_bytes(http: httpx.Client, count: int) -> None:
    whole = http.post(PATH, json=CHAT).content
    assert cut(http, PATH, f"cut-after={count}", json=CHAT) == (200, whole[:count])


@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_what_is_shorter_than_the_cut_arrives_whole(http: httpx.Client, body: dict[str, Any]) -> None:
    whole = http.post(PATH, json=body).content
    assert http.post(PATH, json=body, headers=fault(f"cut-after={len(whole)}")).content == whole


def test_the_client_raises_when_a_stream_is_cut(client: OpenAI) -> None:
    stream = client.chat.completions.create(**STREAM, extra_headers=fault("cut-after=3"))
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError, httpx.ReadError)):
        list(stream)


async def test_a_delayed_answer_lets_others_pass(sandbox: SandboxServer) -> None:
    headers = {"authorization": "Bearer sk-any"}
    async with httpx.AsyncClient(base_url=sandbox.base_url, headers=headers) as http:
        late = asyncio.create_task(http.post(PATH, json=CHAT, headers=fault("delay-ms=600000")))
        answers = [await http.post(PATH, json=CHAT, headers=fault("delay-ms=1")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert not late.done()
        late.cancel()


def test_a_client_that_leaves_a_delay_does_not_keep_the_sandbox(fresh: SandboxServer) -> None:
    headers = {"authorization": "Bearer sk-any", **fault("delay-ms=600000")}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(fresh.base_url + PATH, json=CHAT, headers=headers, timeout=0.2)
    fresh.close()
    assert fresh._thread is not None
    assert not fresh._thread.is_alive()


def test_a_stalled_stream_ends_with_its_client(fresh: SandboxServer) -> None:
    headers = {"authorization": "Bearer sk-any", **fault("stall")}
    with httpx.Client(base_url=fresh.base_url, headers=headers, timeout=0.2) as http:
        with http.stream("POST", PATH, json=STREAM) as answer:
            chunks = answer.iter_text()
            assert len(events(next(chunks))) == 1
            assert fresh.streams.open == 1
            with pytest.raises(httpx.ReadTimeout):
                next(chunks)
        until(lambda: fresh.streams.open == 0)
    assert (fresh.streams.completed, fresh.streams.abandoned) == (0, 1)


def test_a_stalled_body_does_not_begin(http: httpx.Client) -> None:
    with http.stream("POST", PATH, json=CHAT, headers=fault("stall"), timeout=0.2) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            answer.read()


def test_malformed_json_is_whole_but_unreadable(http: httpx.Client, client: OpenAI) -> None:
    whole = http.post(PATH, json=CHAT)
    answer = http.post(PATH, json=CHAT, headers=fault("malformed"))
    assert (answer.status_code, len(answer.content)) == (200, len(whole.content))
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    with pytest.raises((openai.APIResponseValidationError, json.JSONDecodeError)):
        client.chat.completions.create(**CHAT, extra_headers=fault("malformed"))


def test_every_event_is_malformed(http: httpx.Client) -> None:
    answer = http.post(PATH, json=STREAM, headers=fault("malformed"))
    *broken, done = events(answer.text)
    assert len(broken) == len(events(http.post(PATH, json=STREAM).text)) - 1
    assert done == (None, "[DONE]")
    for _, data in broken:
        with pytest.raises(json.JSONDecodeError):
            json.loads(data)


@pytest.mark.parametrize(
    "text",
    [
        *("", ";", "x", "status", "status=", "status=abc", "status=200", "status=399", "status=600"),
        *("status=-1", "status=4.5", "cut-after=-1", "cut-after=²", "stall=1", "malformed=no", "delay-ms"),
        *("Stall", "stall,malformed", "status=429;", "status=429 retry-after=2"),
    ],
)
def test_an_unknown_fault_is_refused(http: httpx.Client, text: str) -> None:
    answer = http.post(PATH, json=CHAT, headers={FAULT_HEADER.encode(): text.encode()})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, FAULT_HEADER)
    for name in ("status", "retry-after", "cut-after", "delay-ms", "stall", "malformed"):
        assert name in error["message"]


def test_faults_come_together(http: httpx.Client) -> None:
    whole = http.post(PATH, json=CHAT, headers=fault("status=503")).content
    status, arrived = cut(http, PATH, "status=503; malformed; cut-after=9", json=CHAT)
    assert (status, arrived) == (503, whole.replace(b"{", b"}", 1)[:9])


def test_a_refusal_goes_wrong_as_well(http: httpx.Client) -> None:
    whole = http.post(PATH, json={}).content
    assert cut(http, PATH, "cut-after=5", json={}) == (400, whole[:5])
    assert cut(http, "/x", "cut-after=5", json={})[0] == 404


@pytest.mark.parametrize("text", ["stall", "cut-after=0", "malformed"])
def test_a_head_has_no_body_to_go_wrong(http: httpx.Client, text: str) -> None:
    answers = [http.head("/models", headers=fault(text)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert http.head("/models", headers=fault("status=503")).status_code == 503


def test_the_relay_ends_a_cut_stream_with_an_error(relay: httpx.Client) -> None:
    status, arrived = cut(relay, PATH, "cut-after=3", json=STREAM)
    *whole, (_, data) = events(arrived.decode())
    assert (status, len(whole)) == (200, 3)
    assert json.loads(data)["error"]["type"] == "server_error"


def test_the_relay_passes_faults_on(relay: httpx.Client, sandbox: SandboxServer) -> None:
    answer = relay.post(PATH, json=CHAT, headers=fault("status=429;retry-after=7"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert relay.post(PATH, json=CHAT, headers=fault("malformed")).content.startswith(b"}")
    assert cut(relay, PATH, "cut-after=9", json=CHAT)[0] == 200
    open_before = sandbox.streams.open
    with relay.stream("POST", PATH, json=STREAM, headers=fault("stall")) as stalled:
        chunks = stalled.iter_text()
        assert len(events(next(chunks))) == 1
        assert sandbox.streams.open == open_before + 1
    until(lambda: sandbox.streams.open == open_before)
