"""A client that leaves takes its upstream request with it."""

import asyncio
import subprocess
import threading
from contextlib import suppress
from shutil import which

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from starlette.types import Receive, Scope, Send

from tests.faulty import Connection, Faulty
from tests.relay.test_streams import EVENT_STREAM, FIRST, HEADERS
from tests.relay.wire import (
    CHAT,
    CHAT_BODY,
    KEY,
    LAST_CHUNK,
    STREAM_BODY,
    ask,
    chunk,
    dialled,
    request,
    streaming,
)
from tests.servers import RELAY_KEY, Recorder, eventually, until

CURL = which("curl")
MULTIPART = "content-type: multipart/form-data; boundary=b"
JSON = "content-type: application/json"
ONE_MIB = "content-length: 1048576"
PART = b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n'


def says_nothing(recorder: Recorder) -> None:
    """Let `recorder` answer nothing until the relay leaves."""

    async def reply(_scope: Scope, receive: Receive, _send: Send) -> None:
        await recorder.until_left(receive)

    recorder.reply = reply


def says_one_event(recorder: Recorder) -> None:
    """Let `recorder` send one event, and nothing more until the relay leaves."""

    async def reply(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        await send({"type": "http.response.body", "body": FIRST, "more_body": True})
        await recorder.until_left(receive)

    recorder.reply = reply


def test_httpx_leaving_mid_stream_closes_the_upstream(relay: str, recorder: Recorder) -> None:
    says_one_event(recorder)
    with httpx.stream("POST", relay + CHAT, content=STREAM_BODY, headers=HEADERS) as answer:
        chunks = answer.iter_raw()  # held: httpx leaves when its iterator is collected
        assert next(chunks) == FIRST
        assert not recorder.left.is_set()
    assert recorder.left.wait(10)


def test_openai_client_leaving_mid_stream_closes_the_upstream(relay: str, recorder: Recorder) -> None:
    says_one_event(recorder)
    with OpenAI(base_url=f"{relay}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        assert next(stream).choices[0].delta.content == "a"
        assert not recorder.left.is_set()
        stream.close()
        assert recorder.left.wait(10)


async def test_a_cancelled_async_client_closes_the_upstream(relay: str, recorder: Recorder) -> None:
    says_nothing(recorder)
    async with AsyncOpenAI(base_url=f"{relay}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        call = asyncio.create_task(client.responses.create(model="m", input="hi"))
        await eventually(lambda: bool(recorder.seen))
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        await eventually(recorder.left.is_set)


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_curl_that_is_killed_closes_the_upstream(relay: str, recorder: Recorder) -> None:
    says_nothing(recorder)
    command = [CURL or "", "-sS", "-N", "-H", KEY, "-H", JSON, "--data-binary", "@-", relay + CHAT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as curl:
        assert curl.stdin is not None
        curl.stdin.write(STREAM_BODY)
        curl.stdin.close()
        until(lambda: bool(recorder.seen))
        assert not recorder.left.is_set()
        curl.kill()
    assert recorder.left.wait(10)


@pytest.mark.parametrize(
    "asked",
    [
        request("GET", "/v1/models"),
        request("DELETE", "/v1/files/f"),
        request("POST", "/v1/batches/b/cancel"),
        request("POST", CHAT, JSON, body=CHAT_BODY),
        request("POST", CHAT, JSON, "transfer-encoding: chunked", body=chunk(CHAT_BODY) + LAST_CHUNK),
        request("POST", "/v1/files", MULTIPART, body=PART),
        streaming(),
    ],
    ids=["get", "delete", "no body", "json", "chunked json", "multipart", "stream"],
)
def test_leaving_before_the_first_byte_closes_the_upstream(
    relay: str, recorder: Recorder, asked: bytes
) -> None:
    says_nothing(recorder)
    with dialled(relay, asked):
        until(lambda: bool(recorder.seen))
        assert not recorder.left.is_set()
    assert recorder.left.wait(10)


@pytest.mark.parametrize("size", [100_000, 300_000, 3_000_000])
def test_leaving_after_a_large_upload_closes_the_upstream(relay: str, recorder: Recorder, size: int) -> None:
    """What was sent at once is read in parts; the departure comes after the last of them."""
    says_nothing(recorder)
    with dialled(relay, request("POST", "/v1/files", MULTIPART, body=PART + bytes(size))):
        until(lambda: bool(recorder.seen))
        assert not recorder.left.is_set()
    assert recorder.left.wait(10)


def test_leaving_while_a_second_request_waits_closes_the_upstream(relay: str, recorder: Recorder) -> None:
    says_nothing(recorder)
    with dialled(relay, request("GET", "/v1/models") + request("GET", "/v1/files")):
        until(lambda: bool(recorder.seen))
        assert not recorder.left.is_set()
    assert recorder.left.wait(10)
    assert [seen.target for seen in recorder.seen] == [b"/v1/models"]


def test_requests_sent_together_are_answered_in_order(relay: str, recorder: Recorder) -> None:
    asked = [request("GET", f"/v1/models/m{number}") for number in range(20)]
    last = request("HEAD", "/v1/models/last", "connection: close")
    with dialled(relay, b"".join(asked) + last) as line:
        raw = line.rest()
    assert raw.count(b"HTTP/1.1 200 ") == 21
    assert raw.count(b'{"ok": true}') == 20
    assert [seen.target[-3:] for seen in recorder.seen] == [f"/m{n}"[-3:].encode() for n in range(20)] + [
        b"ast"
    ]


def test_a_client_that_leaves_with_its_answer_is_no_departure(faulty: Faulty, faulty_relay: str) -> None:
    """The upstream's connection is kept for the next request, which an ended one's is not."""

    async def answers_each(connection: Connection) -> None:
        for kept in (b"", b"", b"", b"connection: close\r\n"):
            await connection.request()
            await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n" + kept + b"\r\nok")

    faulty.script = answers_each
    for _ in range(4):
        with dialled(faulty_relay, request("GET", "/v1/models")) as line:
            line.until(b"ok")
    assert len(faulty.heads) == 4
    assert faulty.connections == 1


def test_the_relay_serves_on_after_a_departure(relay: str, recorder: Recorder) -> None:
    says_one_event(recorder)
    for _ in range(20):
        with dialled(relay, streaming()) as line:
            line.until(FIRST)
    recorder.reply = None
    assert ask(relay, "GET", "/v1/models").status == 200
    assert len(recorder.seen) == 21


def test_leaving_during_a_json_upload_sends_nothing_upstream(faulty: Faulty, faulty_relay: str) -> None:
    """JSON is judged first. The second request shows that the first is over and done with."""

    async def refuses(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 418 Odd\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    faulty.script = refuses
    with dialled(faulty_relay, request("POST", CHAT, JSON, "content-length: 1000") + CHAT_BODY):
        pass
    assert ask(faulty_relay, "GET", "/v1/models").status == 418
    assert [head.split(b" ")[0] for head in faulty.heads] == [b"GET"]


def test_leaving_an_unread_upload_closes_the_upstream(faulty: Faulty, faulty_relay: str) -> None:
    """The upstream reads nothing, so the relay is stuck in its upload when the client leaves."""
    left = threading.Event()
    stuck = threading.Event()

    async def reads_late(connection: Connection) -> None:
        await connection.head()
        await eventually(stuck.is_set)
        await connection.rest()
        left.set()

    faulty.script = reads_late
    with dialled(faulty_relay, request("POST", "/v1/files", MULTIPART, "content-length: 268435456")) as line:
        line.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            line.say(bytes(64 * 1024 * 1024))
    stuck.set()
    assert left.wait(10)
