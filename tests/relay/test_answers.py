"""Whatever the upstream answers comes down with its status, its fields and its framing."""

import threading

import pytest

from tests.faulty import Connection, Faulty
from tests.relay.wire import CHAT, CHAT_BODY, Answer, ask, dialled, request
from tests.servers import Recorder, answering

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
CLOSE = "connection: close"
LIMITED = [
    (b"content-type", b"application/json"),
    (b"retry-after", b"7"),
    (b"retry-after-ms", b"6543"),
    (b"x-should-retry", b"true"),
    (b"x-ratelimit-limit-requests", b"60"),
    (b"x-ratelimit-remaining-requests", b"0"),
    (b"x-ratelimit-reset-requests", b"1s"),
    (b"x-ratelimit-remaining-tokens", b"149984"),
    (b"openai-processing-ms", b"12"),
    (b"x-request-id", b"req_1"),
]


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


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_limits_come_down_unchanged_after_one_attempt(
    relay: str, recorder: Recorder, status: int, method: str
) -> None:
    body = (
        b'{"error": {"message": "slow down", "type": "tokens", "param": null, "code": "rate_limit_exceeded"}}'
    )
    recorder.reply = answering(body, status, headers=LIMITED)
    asked = ("GET", "/v1/models") if method == "GET" else ("POST", CHAT, JSON)
    answer = ask(relay, *asked, body=CHAT_BODY if method == "POST" else b"")
    assert (answer.status, answer.body) == (status, body)
    told = [(name.decode(), value.decode()) for name, value in LIMITED]
    assert fields_of(answer) == [*told, ("content-length", str(len(body)))]
    assert len(recorder.seen) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(relay: str, recorder: Recorder, status: int) -> None:
    place = relay + "/live"
    recorder.reply = answering(b"moved", status, headers=[(b"location", place.encode())])
    answer = ask(relay, "POST", CHAT, JSON, body=CHAT_BODY)
    assert (answer.status, answer.body, answer.all("location")) == (status, b"moved", [place])
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


def test_an_interim_answer_is_not_the_answer(faulty: Faulty, faulty_relay: str) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    saying(faulty, hints + b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
    answer = ask(faulty_relay, "GET", "/v1/models")
    assert (answer.status, answer.body, answer.all("link")) == (200, b"ok", [])
