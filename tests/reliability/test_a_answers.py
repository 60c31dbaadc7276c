"""An answer keeps its framing, its coding and its lengths, and `Expect` is the relay's to answer."""

import gzip
import subprocess
from shutil import which

import pytest

from tests.faulty import Faulty
from tests.relay.test_answers import fields_of, saying
from tests.relay.wire import CHAT, CHAT_BODY, KEY, ask, dialled, request
from tests.servers import Recorder, answering, exchange

JSON = "content-type: application/json"
CLOSE = "connection: close"
CURL = which("curl")
ZIPPED = gzip.compress(CHAT_BODY, mtime=0)


@pytest.mark.row("a4")
def test_a04_expect_with_a_bad_key_is_refused_unread(relay: str, recorder: Recorder) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nhost: r\r\nauthorization: Bearer wrong\r\n{JSON}\r\n{CLOSE}\r\n"
    raw = exchange(relay, f"{head}expect: 100-continue\r\ncontent-length: 9\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in raw
    assert recorder.seen == []


@pytest.mark.row("a4")
def test_a04_who_was_refused_without_a_100_has_no_second_request(relay: str) -> None:
    """What comes next may be the content, or a request: it is read as neither."""
    head = f"POST {CHAT} HTTP/1.1\r\nhost: r\r\nauthorization: Bearer wrong\r\n{JSON}\r\n"
    raw = exchange(relay, f"{head}expect: 100-continue\r\ncontent-length: 9\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nconnection: close\r\n" in raw


@pytest.mark.row("a4")
def test_a04_expect_with_a_good_key_lets_the_body_flow(relay: str, recorder: Recorder) -> None:
    asked = request("POST", CHAT, JSON, CLOSE, "expect: 100-continue", f"content-length: {len(CHAT_BODY)}")
    with dialled(relay, asked) as line:
        line.until(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert recorder.seen == []
        line.say(CHAT_BODY)
        assert b"\r\n\r\nHTTP/1.1 200 " in line.rest()
    [seen] = recorder.seen
    assert (seen.body, seen.header(b"expect")) == (CHAT_BODY, [])


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


@pytest.mark.row("a5")
@pytest.mark.parametrize(("method", "said"), HEADS.values(), ids=HEADS)
def test_a05_an_answer_without_a_body_keeps_its_fields(
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


@pytest.mark.row("a5")
def test_a05_a_304_may_tell_the_length_of_what_it_leaves_out(faulty: Faulty, faulty_relay: str) -> None:
    """RFC 9110, 8.6: no body follows, so the connection serves the next request."""
    saying(faulty, b"HTTP/1.1 304 Not Modified\r\ncontent-length: 1234\r\nconnection: close\r\n\r\n")
    with dialled(faulty_relay, request("GET", "/v1/files/f")) as line:
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 304 ")
        line.say(request("GET", "/v1/files/f", CLOSE))
        assert line.rest().count(b"HTTP/1.1 304 ") == 2


@pytest.mark.row("a5")
def test_a05_head_reaches_the_upstream_as_head(relay: str, recorder: Recorder) -> None:
    assert ask(relay, "HEAD", "/v1/containers/c/files/f/content").status == 200
    assert [seen.method for seen in recorder.seen] == ["HEAD"]


@pytest.mark.row("a5")
def test_a05_a_range_comes_down_as_the_range_it_is(relay: str, recorder: Recorder) -> None:
    headers = [(b"content-range", b"bytes 5-9/1000"), (b"accept-ranges", b"bytes"), (b"x-request-id", b"r")]
    recorder.reply = answering(b"56789", 206, headers=headers)
    answer = ask(relay, "GET", "/v1/containers/c/files/f/content", "range: bytes=5-9", 'if-range: W/"1"')
    assert (answer.status, answer.body) == (206, b"56789")
    told = [(name.decode(), value.decode()) for name, value in headers]
    assert fields_of(answer) == [*told, ("content-length", "5")]
    seen = recorder.seen[0]
    assert (seen.header(b"range"), seen.header(b"if-range")) == ([b"bytes=5-9"], [b'W/"1"'])


@pytest.mark.row("a5")
def test_a05_an_unsatisfiable_range_comes_down(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(b"", 416, headers=[(b"content-range", b"bytes */1000")])
    answer = ask(relay, "GET", "/v1/containers/c/files/f/content", "range: bytes=5000-")
    assert (answer.status, answer.body, answer.all("content-range")) == (416, b"", ["bytes */1000"])


@pytest.mark.row("a6")
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "x-nobody-knows", "gzip, br"])
def test_a06_a_coded_body_comes_down_as_it_is(relay: str, recorder: Recorder, coding: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-encoding", coding.encode())]
    recorder.reply = answering(ZIPPED, headers=headers)
    answer = ask(relay, "GET", "/v1/models", "accept-encoding: zstd, br;q=0.5")
    assert (answer.body, answer.all("content-encoding")) == (ZIPPED, [coding])
    assert recorder.seen[0].header(b"accept-encoding") == [b"zstd, br;q=0.5"]


@pytest.mark.row("a6")
def test_a06_a_coded_body_goes_up_as_it_is(relay: str, recorder: Recorder) -> None:
    assert ask(relay, "POST", CHAT, JSON, "content-encoding: gzip", body=ZIPPED).status == 200
    [seen] = recorder.seen
    assert (seen.body, seen.header(b"content-encoding")) == (ZIPPED, [b"gzip"])


@pytest.mark.row("a6")
@pytest.mark.parametrize("shown", [[], ["accept-encoding: "], ["accept-encoding: br;q=0.5, *;q=0"]])
def test_a06_no_coding_is_asked_for_in_the_clients_name(
    relay: str, recorder: Recorder, shown: list[str]
) -> None:
    assert ask(relay, "GET", "/v1/models", *shown).status == 200
    assert recorder.seen[0].header(b"accept-encoding") == [line.partition(": ")[2].encode() for line in shown]


@pytest.mark.row("a6")
@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_a06_curl_decodes_what_comes_through(relay: str, recorder: Recorder) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    recorder.reply = answering(ZIPPED, headers=headers)
    command = [CURL or "", "-sS", "--compressed", "-H", KEY, f"{relay}/v1/models"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == CHAT_BODY
