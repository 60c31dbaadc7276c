"""Requests behind one another on a connection (RFC 9112, 9.3.2): each has its own answer, or none."""

import threading

import pytest

from relay.serving.protocol import MAX_HEAD_BYTES
from tests.faulty import Connection, Faulty
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.test_streams import FIRST
from tests.relay.wire import LAST_CHUNK, chunk, dialled, request, streaming, unchunked
from tests.servers import eventually

MULTIPART = "content-type: multipart/form-data; boundary=b"
UPLOAD = request("POST", "/v1/files", MULTIPART, "transfer-encoding: chunked")
MODELS = request("GET", "/v1/models")
BEHIND = {
    "garbage": b"\0garbage\r\n\r\n",
    "a bad field": b"GET /v1/models HTTP/1.1\r\nno field\r\n\r\n",
    "a bad chunk": UPLOAD + b"zz\r\n",
    "a large head": b"GET /v1/models HTTP/1.1\r\nx-a: " + b"a" * 8 * MAX_HEAD_BYTES,
    "a good one and garbage": MODELS + b"\0garbage\r\n\r\n",
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
def test_a_request_has_its_own_answer_whatever_comes_behind_it(
    faulty: Faulty, faulty_relay: str, behind: bytes
) -> None:
    asked, told = threading.Event(), threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        asked.set()
        await eventually(told.is_set)
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nfirst")

    faulty.script = script
    with dialled(faulty_relay, MODELS) as line:
        assert asked.wait(10)
        line.say(behind)
        with dialled(faulty_relay, request("GET", "/live", "connection: close")) as other:
            assert b" 200 OK\r\n" in other.rest()  # what was said before is read by now
        told.set()
        raw = line.rest()
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert raw.endswith(b"first")
    assert raw.count(b"HTTP/1.1 ") == 1
    assert len(faulty.heads) == 1


def test_garbage_behind_a_request_leaves_its_answer_whole(faulty: Faulty, faulty_relay: str) -> None:
    told = threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + CHUNKED + chunk(FIRST))
        await eventually(told.is_set)
        await connection.say(chunk(b"data: [DONE]\n\n") + LAST_CHUNK)

    faulty.script = script
    with dialled(faulty_relay, streaming()) as line:
        line.until(FIRST)
        line.say(b"no request at all\r\n\r\n")
        told.set()
        assert unchunked(line.rest()) == (FIRST + b"data: [DONE]\n\n", True)


def test_an_answered_request_is_not_answered_again_for_what_comes_of_it(
    faulty: Faulty, faulty_relay: str
) -> None:
    with dialled(faulty_relay, UPLOAD.replace(b"Bearer ", b"Bearer no-")) as line:
        line.until(b'"invalid_api_key"}}')
        line.say(b"zz\r\n")
        raw = line.rest()
    assert raw.startswith(b"HTTP/1.1 401 ")
    assert raw.count(b"HTTP/1.1 ") == 1
    assert faulty.heads == []


def test_the_last_answer_is_not_lost_with_what_the_client_still_sends(
    faulty: Faulty, faulty_relay: str
) -> None:
    """RFC 9112, 9.6: a connection that is closed with something unread is reset, and the answer with it."""
    size = 20_000_000
    fields = (MULTIPART, "connection: close", f"content-length: {size}")
    with dialled(
        faulty_relay, request("POST", "/v1/files", *fields).replace(b"Bearer ", b"Bearer no-")
    ) as line:
        line.say(bytes(size) + MODELS)
        raw = line.rest()
    assert raw.startswith(b"HTTP/1.1 401 ")
    assert raw.count(b"HTTP/1.1 ") == 1
    assert faulty.heads == []
