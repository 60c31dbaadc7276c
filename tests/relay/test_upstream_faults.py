"""What goes wrong before the first byte of an answer is one error of the relay's, after one attempt."""

import gc
import json
import threading
from collections.abc import Iterator
from contextlib import suppress

import openai
import pytest
from openai import OpenAI

from tests.faulty import Connection, Faulty, Script, misbehaving
from tests.relay.wire import CHAT, CHAT_BODY, LAST_CHUNK, ask, assert_keeps_secrets, chunk, dialled, request
from tests.servers import RELAY_KEY, eventually, relay_over

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
ASKED = {
    "get": ("GET", "/v1/models", b""),
    "head": ("HEAD", "/v1/models", b""),
    "delete": ("DELETE", "/v1/files/f", b""),
    "post": ("POST", CHAT, CHAT_BODY),
}


def saying(data: bytes) -> Script:
    """An upstream that answers with these bytes and closes the connection."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(data)

    return script


async def resets(connection: Connection) -> None:
    await connection.request()
    connection.reset()


async def closes_unread(_connection: Connection) -> None:
    pass


def assert_refused(root: str, base_url: str, asked: str, status: int, code: str) -> None:
    method, target, body = ASKED[asked]
    answer = ask(root, method, target, *([JSON] if body else []), body=body)
    assert answer.status == status
    if method == "HEAD":
        return
    assert (answer.error["type"], answer.error["code"]) == ("server_error", code)
    assert answer.all("content-type") == ["application/json"]
    assert_keeps_secrets(answer, base_url)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("script", [saying(b""), resets], ids=["closed", "reset"])
def test_a_connection_that_ends_without_an_answer_is_a_502_after_one_attempt(
    faulty: Faulty, faulty_relay: str, script: Script, asked: str
) -> None:
    faulty.script = script
    assert_refused(faulty_relay, faulty.base_url, asked, 502, "upstream_unreachable")
    assert len(faulty.heads) == 1


@pytest.mark.parametrize("asked", ASKED)
def test_a_connection_that_is_closed_unread_is_a_502(faulty: Faulty, faulty_relay: str, asked: str) -> None:
    faulty.script = closes_unread
    assert_refused(faulty_relay, faulty.base_url, asked, 502, "upstream_unreachable")


def test_a_head_that_is_cut_is_a_502(faulty: Faulty, faulty_relay: str) -> None:
    faulty.script = saying(b"HTTP/1.1 200 OK\r\ncontent-ty")
    answer = ask(faulty_relay, "POST", CHAT, JSON, body=CHAT_BODY)
    assert answer.status == 502
    assert answer.error["code"] in {"upstream_unreachable", "upstream_invalid_response"}


@pytest.fixture(scope="module")
def impatient() -> Iterator[tuple[Faulty, str]]:
    """A relay that waits 0.3 s for a byte from its upstream."""
    upstream = Faulty()
    with misbehaving(upstream), relay_over(upstream.base_url, relay_timeout=0.3) as root:
        yield upstream, root


def test_an_upstream_that_stops_reading_an_upload_is_a_504(impatient: tuple[Faulty, str]) -> None:
    faulty, root = impatient
    answered = threading.Event()

    async def stops_reading(connection: Connection) -> None:
        await connection.head()
        await eventually(answered.is_set)

    faulty.reset(stops_reading)
    size = 64 * 1024 * 1024
    with dialled(root, request("POST", "/v1/files", MULTIPART, f"content-length: {size}")) as line:
        line.socket.settimeout(2)
        with suppress(OSError):  # the relay may answer, and close, before it has read all
            line.say(bytes(size))
        try:
            assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 504 ")
        finally:
            answered.set()


def test_the_next_request_is_served_after_a_fault(faulty: Faulty, faulty_relay: str) -> None:
    for script in (saying(b""), resets, saying(b"garbage\r\n\r\n")):
        faulty.script = script
        assert ask(faulty_relay, "POST", CHAT, JSON, body=CHAT_BODY).status == 502
    faulty.script = saying(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
    assert ask(faulty_relay, "POST", CHAT, JSON, body=CHAT_BODY).body == b"ok"


def test_openai_client_sees_an_internal_server_error(faulty: Faulty, faulty_relay: str) -> None:
    faulty.script = closes_unread
    client = OpenAI(base_url=f"{faulty_relay}/v1", api_key=RELAY_KEY, max_retries=0)
    with client, pytest.raises(openai.InternalServerError) as caught:
        client.responses.create(model="m", input="hi", stream=True)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_unreachable")
    assert json.loads(caught.value.response.content)["error"]["type"] == "server_error"


@pytest.mark.parametrize("whole", [False, True], ids=["within an answer", "after an answer"])
def test_a_reset_leaves_no_error_in_the_log(
    faulty: Faulty, faulty_relay: str, caplog: pytest.LogCaptureFixture, *, whole: bool
) -> None:
    """asyncio complains of an error that nobody asked for once its holder is collected."""
    begun = threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(b"begun"))
        await eventually(begun.is_set)
        if whole:
            await connection.say(LAST_CHUNK)
            await eventually(over.is_set)
        connection.reset()

    faulty.script = script
    over = threading.Event()
    with dialled(faulty_relay, request("GET", "/v1/models", "connection: close")) as line:
        line.until(b"begun")
        begun.set()
        line.rest()
    over.set()
    faulty.script = closes_unread
    for _ in range(3):
        ask(faulty_relay, "GET", "/v1/models")
        gc.collect()
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []
