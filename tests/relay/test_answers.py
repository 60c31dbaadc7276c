"""Whatever the upstream answers comes down with its status, its fields and its framing."""

import gzip
import subprocess
import threading
from shutil import which

import pytest

from tests.faulty import Connection, Faulty
from tests.relay.wire import CHAT, CHAT_BODY, KEY, Answer, ask, dialled, request
from tests.servers import Recorder, answering, exchange

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
CLOSE = "connection: close"
CURL = which("curl")
ZIPPED = gzip.compress(CHAT_BODY, mtime=0)
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


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "x-nobody-knows", "gzip, br"])
def test_a_coded_body_comes_down_as_it_is(relay: str, recorder: Recorder, coding: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-encoding", coding.encode())]
    recorder.reply = answering(ZIPPED, headers=headers)
    answer = ask(relay, "GET", "/v1/models", "accept-encoding: zstd, br;q=0.5")
    assert (answer.body, answer.all("content-encoding")) == (ZIPPED, [coding])
    assert recorder.seen[0].header(b"accept-encoding") == [b"zstd, br;q=0.5"]


def test_a_coded_body_goes_up_as_it_is(relay: str, recorder: Recorder) -> None:
    assert ask(relay, "POST", CHAT, JSON, "content-encoding: gzip", body=ZIPPED).status == 200
    [seen] = recorder.seen
    assert (seen.body, seen.header(b"content-encoding")) == (ZIPPED, [b"gzip"])


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_curl_decodes_what_comes_through(relay: str, recorder: Recorder) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    recorder.reply = answering(ZIPPED, headers=headers)
    command = [CURL or "", "-sS", "--compressed", "-H", KEY, f"{relay}/v1/models"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == CHAT_BODY


HEADS = {
    "head with a length": (
        "HEAD",
        b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 1234\r\n",
    ),
    "head without one": ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\n"),
    "head refused": ("HEAD", b"HTTP/1.1 404 Not Found\r\ncontent-length: 99\r\n"),
    "204": ("GET", b"HTTP/1.1 204 No Content\r\n"),
    "204 after delete": ("DELETE", b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n"),
    "304": ("GET", b'HTTP/1.1 304 Not Modified\r\netag: "v1"\r\n'),
}


@pytest.mark.parametrize(("method", "said"), HEADS.values(), ids=HEADS)
def test_an_answer_without_a_body_keeps_its_fields(
    faulty: Faulty, faulty_relay: str, method: str, said: bytes
) -> None:
    """The second request on the same connection shows that the first answer's end was understood."""
    saying(faulty, said + b"connection: close\r\n\r\n")
    asked = request(method, "/v1/files/f", 'if-none-match: "v1"')
    with dialled(faulty_relay, asked) as line:
        head = line.until(b"\r\n\r\n")
        line.say(request(method, "/v1/files/f", CLOSE))
        both = line.rest()
    status, fields = said.split(b"\r\n")[0], said.split(b"\r\n")[1:-1]
    assert head.startswith(status + b"\r\n")
    assert all(b"\r\n" + field + b"\r\n" in head for field in fields)
    assert head.count(b"content-length") == said.count(b"content-length")
    assert b"transfer-encoding" not in both
    assert both.count(b"HTTP/1.1 ") == both.count(b"\r\n\r\n") == 2


def test_a_304_may_tell_the_length_of_what_it_leaves_out(faulty: Faulty, faulty_relay: str) -> None:
    """RFC 9110, 8.6: no body follows, so the connection serves the next request."""
    saying(faulty, b"HTTP/1.1 304 Not Modified\r\ncontent-length: 1234\r\nconnection: close\r\n\r\n")
    with dialled(faulty_relay, request("GET", "/v1/files/f")) as line:
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 304 ")
        line.say(request("GET", "/v1/files/f", CLOSE))
        assert line.rest().count(b"HTTP/1.1 304 ") == 2


def test_head_reaches_the_upstream_as_head(relay: str, recorder: Recorder) -> None:
    assert ask(relay, "HEAD", "/v1/containers/c/files/f/content").status == 200
    assert [seen.method for seen in recorder.seen] == ["HEAD"]


def test_a_range_comes_down_as_the_range_it_is(relay: str, recorder: Recorder) -> None:
    headers = [(b"content-range", b"bytes 5-9/1000"), (b"accept-ranges", b"bytes"), (b"x-request-id", b"r")]
    recorder.reply = answering(b"56789", 206, headers=headers)
    answer = ask(relay, "GET", "/v1/containers/c/files/f/content", "range: bytes=5-9", 'if-range: W/"1"')
    assert (answer.status, answer.body) == (206, b"56789")
    told = [(name.decode(), value.decode()) for name, value in headers]
    assert fields_of(answer) == [*told, ("content-length", "5")]
    seen = recorder.seen[0]
    assert (seen.header(b"range"), seen.header(b"if-range")) == ([b"bytes=5-9"], [b'W/"1"'])


def test_an_unsatisfiable_range_comes_down(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(b"", 416, headers=[(b"content-range", b"bytes */1000")])
    answer = ask(relay, "GET", "/v1/containers/c/files/f/content", "range: bytes=5000-")
    assert (answer.status, answer.body, answer.all("content-range")) == (416, b"", ["bytes */1000"])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(relay: str, recorder: Recorder, status: int) -> None:
    place = relay + "/live"
    recorder.reply = answering(b"moved", status, headers=[(b"location", place.encode())])
    answer = ask(relay, "POST", CHAT, JSON, body=CHAT_BODY)
    assert (answer.status, answer.body, answer.all("location")) == (status, b"moved", [place])
    assert len(recorder.seen) == 1


def test_an_answer_before_the_end_of_the_upload_comes_down_at_once(faulty: Faulty, faulty_relay: str) -> None:
    """The rest of the upload is sent only after the answer was read."""

    async def refuses(connection: Connection) -> None:
        await connection.head()
        await connection.until(b"first half")
        await connection.say(b"HTTP/1.1 413 Too Much\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfull")
        await connection.rest()

    faulty.script = refuses
    with dialled(
        faulty_relay, request("POST", "/v1/files", MULTIPART, "content-length: 20") + b"first half"
    ) as line:
        assert line.until(b"\r\n\r\nfull").startswith(b"HTTP/1.1 413 ")
        line.say(b"other half" + request("GET", "/live", CLOSE))
        assert line.rest().count(b"HTTP/1.1 200 ") == 1


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


def test_expect_continue_is_answered_by_the_relay(relay: str, recorder: Recorder) -> None:
    asked = request("POST", CHAT, JSON, CLOSE, "expect: 100-continue", f"content-length: {len(CHAT_BODY)}")
    with dialled(relay, asked) as line:
        line.until(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert recorder.seen == []
        line.say(CHAT_BODY)
        assert b"\r\n\r\nHTTP/1.1 200 " in line.rest()
    [seen] = recorder.seen
    assert (seen.body, seen.header(b"expect")) == (CHAT_BODY, [])


def test_expect_continue_with_a_wrong_key_is_refused_unread(relay: str, recorder: Recorder) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nhost: r\r\nauthorization: Bearer wrong\r\n{JSON}\r\n{CLOSE}\r\n"
    raw = exchange(relay, f"{head}expect: 100-continue\r\ncontent-length: 9\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in raw
    assert recorder.seen == []


def test_an_interim_answer_is_not_the_answer(faulty: Faulty, faulty_relay: str) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    saying(faulty, hints + b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
    answer = ask(faulty_relay, "GET", "/v1/models")
    assert (answer.status, answer.body, answer.all("link")) == (200, b"ok", [])
