"""Whatever the upstream answers comes down with its status, its fields and its framing."""

import threading

import pytest

from tests.faulty import Connection, Faulty
from tests.relay.wire import CHAT, CHAT_BODY, Answer, ask, dialled, request
from tests.servers import Recorder, answering

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
CLOSE = "connection: close"


def saying(faulty: Faulty, answer: bytes) -> None:
    """Let `faulty` answer each connection's first request with these bytes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(answer)

    faulty.script = script


def fields_of(answer: Answer) -> list[tuple[str, str]]:
    """The fields that the upstream sent, without the two that the relay adds."""
    return [field for field in answer.fields if field[0] not in {"x-relay-request-id", "date"}]


@pytest.mark.parametrize(
    "status", [200, 201, 202, 299, 400, 401, 403, 404, 409, 418, 422, 500, 502, 503, 504, 529]
)
def test_each_status_comes_down_with_its_body(relay: str, recorder: Recorder, status: int) -> None:
    body = b'{ "error" : {"message": "as it is", "extra": 1} }'
    recorder.reply = answering(body, status, headers=[(b"content-type", b"application/problem+json")])
    answer = ask(relay, "POST", CHAT, JSON, body=CHAT_BODY)
    assert (answer.status, answer.body) == (status, body)
    assert answer.all("content-type") == ["application/problem+json"]
    assert len(recorder.seen) == 1


def test_an_upload_reaches_the_upstream_before_it_is_whole(faulty: Faulty, faulty_relay: str) -> None:
    begun = threading.Event()

    async def reads(connection: Connection) -> None:
        await connection.head()
        await connection.until(b"first half")
        begun.set()
        await connection.until(b"other half")
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")

    faulty.script = reads
    with dialled(
        faulty_relay, request("POST", "/v1/files", MULTIPART, "content-length: 20") + b"first half"
    ) as line:
        assert begun.wait(10)
        line.say(b"other half")
        assert line.until(b"\r\n\r\nok").startswith(b"HTTP/1.1 200 ")
