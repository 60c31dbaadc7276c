"""What a client may hold up, and for how long, and how large a head may be."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from relay.serving.protocol import MAX_HEAD_BYTES
from tests.faulty import Connection, Faulty
from tests.relay.processes import relaying
from tests.relay.wire import (
    CHAT,
    CHAT_BODY,
    KEY,
    chunk,
    dialled,
    request,
)
from tests.servers import Recorder, recording, relay_over, until

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
MODELS = request("GET", "/v1/models")
EXPECTING = "expect: 100-continue"
SIZE = 3_000_000


@pytest.fixture(scope="module")
def _hurried() -> Iterator[tuple[Recorder, str]]:
    recorder = Recorder()
    with recording(recorder) as base_url, relay_over(base_url, relay_client_timeout=1) as root:
        yield recorder, root


@pytest.fixture
def recorder(_hurried: tuple[Recorder, str]) -> Recorder:
    _hurried[0].seen.clear()
    _hurried[0].reply = None
    return _hurried[0]


@pytest.fixture
def hurried(recorder: Recorder, _hurried: tuple[Recorder, str]) -> str:  # noqa: ARG001 - it begins anew
    """A relay with a second's patience."""
    return _hurried[1]


def refused(raw: bytes) -> tuple[int, str]:
    """Status and code of a refusal that is the whole of what was received."""
    head, _, body = raw.partition(b"\r\n\r\n")
    assert raw.count(b"HTTP/1.1 ") == 1
    error = json.loads(body)["error"]
    assert error["type"] == "invalid_request_error"
    return int(head.split(b" ")[1]), error["code"]


@pytest.mark.parametrize("begun", [b"", b"GET /v1/models HTTP/1.1\r\nhost: r\r\nx-a", b"\r\n\r\n"])
def test_a_connection_without_a_whole_head_is_closed(hurried: str, recorder: Recorder, begun: bytes) -> None:
    with dialled(hurried, begun) as line:
        assert line.rest() == b""
    assert not recorder.seen


def test_a_head_that_drips_wins_no_time(hurried: str, recorder: Recorder) -> None:
    with dialled(hurried, b"GET /v1/models HTTP/1.1\r\n") as line:
        line.socket.settimeout(0.2)
        for number in range(200):
            try:
                line.say(b"x-%d: 1\r\n" % number)
                if line.socket.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("it was waited for")
    assert not recorder.seen


def test_the_second_request_of_a_connection_has_its_own_time(hurried: str, recorder: Recorder) -> None:
    with dialled(hurried, MODELS) as line:
        line.until(b'{"ok": true}')
        line.say(b"GET /v1/mod")
        assert line.rest().count(b"HTTP/1.1 ") == 1
    assert len(recorder.seen) == 1


@pytest.mark.parametrize(
    "begun",
    [
        request("POST", CHAT, JSON, "content-length: 100") + b'{"model"',
        request("POST", CHAT, JSON, "transfer-encoding: chunked") + chunk(b'{"model"'),
        request("POST", CHAT, JSON, "content-length: 100"),
        request("POST", "/v1/files", MULTIPART, "content-length: 100") + b"--b\r\n",
        request("POST", "/v1/files", MULTIPART, "transfer-encoding: chunked") + b"5\r\n--b",
        request("POST", "/v1/files", MULTIPART, EXPECTING, "content-length: 100"),
    ],
    ids=["json", "chunked json", "nothing", "upload", "chunked upload", "continued"],
)
def test_a_body_that_stops_gets_408_and_the_connection_is_closed(
    hurried: str, recorder: Recorder, begun: bytes
) -> None:
    with dialled(hurried, begun) as line:
        raw = line.rest().removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert refused(raw) == (408, "request_timeout")
    assert b"\r\nconnection: close\r\n" in raw
    assert not recorder.seen


def test_a_body_that_comes_in_time_by_bits_is_taken(hurried: str, recorder: Recorder) -> None:
    body = CHAT_BODY
    with dialled(hurried, request("POST", CHAT, JSON, f"content-length: {len(body)}")) as line:
        line.socket.settimeout(0.4)
        for start in range(0, 50, 10):
            line.say(body[start : start + 10])
            with pytest.raises(TimeoutError):
                line.socket.recv(1)
        line.say(body[50:])
        line.socket.settimeout(10)
        assert line.until(b'{"ok": true}').startswith(b"HTTP/1.1 200 ")
    assert recorder.seen[0].body == body


def test_a_client_is_not_hurried_while_the_upstream_is_waited_for(faulty: Faulty) -> None:
    """An upload that the upstream does not read, and an answer that it does not give."""

    async def is_late(connection: Connection) -> None:
        head = await connection.head()
        await asyncio.sleep(4)  # longer than a client may be silent
        await connection.exactly(SIZE if b"/files" in head else 0)
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")

    faulty.script = is_late
    upload = request("POST", "/v1/files", MULTIPART, body=bytes(SIZE))
    with (
        relay_over(faulty.base_url, relay_client_timeout=1) as root,
        dialled(root, MODELS) as asking,
        dialled(root, upload) as sending,
    ):
        for line in (asking, sending):
            assert line.until(b"ok").startswith(b"HTTP/1.1 200 ")


def test_a_late_third_request_is_no_fault_of_the_second(faulty: Faulty) -> None:
    """The second one is whole, and waits for its answer, while the head of the third does not end."""

    async def is_late_with_the_second(connection: Connection) -> None:
        for seconds, kept in ((0, b""), (4, b"connection: close\r\n")):
            await connection.request()
            await asyncio.sleep(seconds)  # longer than a client may be silent
            await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n" + kept + b"\r\nok")

    faulty.script = is_late_with_the_second
    with (
        relay_over(faulty.base_url, relay_client_timeout=1) as root,
        dialled(root, MODELS * 2 + b"GET /v1/mo") as line,
    ):
        raw = line.rest()
        assert (raw.count(b"HTTP/1.1 200 "), raw.count(b"HTTP/1.1 ")) == (2, 2)


def test_an_upload_that_was_answered_early_is_not_waited_for_long(hurried: str, recorder: Recorder) -> None:
    with dialled(
        hurried, request("POST", "/v1/files", "content-type: text/html", "content-length: 9999")
    ) as line:
        line.until(b"unsupported_media_type")
        assert line.rest().count(b"HTTP/1.1 ") == 1
    assert not recorder.seen


def sockets(pid: int) -> int:
    """How many sockets a process has open."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            found += str(link.readlink()).startswith("socket:")
    return found


def test_an_answer_that_is_not_read_is_given_up(tmp_path: Path, faulty: Faulty) -> None:
    """However much of it the system and the relay hold already when the client stops reading."""

    async def says_much(connection: Connection) -> None:
        size = int((await connection.request()).split(b"/", 4)[3].split()[0])
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size)
        await connection.say(bytes(size))

    faulty.script = says_much
    with (
        relaying(tmp_path, faulty.base_url, RELAY_TIMEOUT="1", RELAY_CLIENT_TIMEOUT="1") as running,
        ExitStack() as stack,
    ):
        before = sockets(running.process.pid)
        for size in range(1_000_000, 8_000_000, 500_000):
            asked = request("GET", f"/v1/models/{size}", "connection: close")
            stack.enter_context(dialled(running.root, asked, receive_buffer=4096))
        until(lambda: len(faulty.heads) == 14)
        until(lambda: sockets(running.process.pid) <= before, 30)


def with_head_of(size: int, *, in_path: bool) -> bytes:
    """A request whose path, field names and values have so many bytes."""
    fixed = len("/v1/models?") + len("hostrelay") + len(KEY) - 2 + len("x-a")
    pad = "a" * (size - fixed)
    return request("GET", f"/v1/models?{pad if in_path else ''}", f"x-a: {'' if in_path else pad}")


@pytest.mark.parametrize("in_path", [False, True], ids=["field", "path"])
def test_a_head_up_to_the_limit_is_taken_and_one_over_it_is_not(
    hurried: str, recorder: Recorder, *, in_path: bool
) -> None:
    with dialled(hurried, with_head_of(MAX_HEAD_BYTES, in_path=in_path)) as line:
        assert line.until(b"}").startswith(b"HTTP/1.1 200 ")
    seen = len(recorder.seen)
    with dialled(hurried, with_head_of(MAX_HEAD_BYTES + 1, in_path=in_path)) as line:
        assert refused(line.rest()) == (431, "head_too_large")
    assert len(recorder.seen) == seen


@pytest.mark.parametrize("piece", [b"x-a: " + bytes(8000).replace(b"\0", b"a") + b"\r\n", b"a" * 8000])
def test_a_head_without_end_is_refused_while_it_comes(hurried: str, recorder: Recorder, piece: bytes) -> None:
    start = b"GET /v1/models HTTP/1.1\r\n" + (b"x-b: " if piece[:1] == b"a" else b"")
    with dialled(hurried, start) as line:
        with suppress(ConnectionError):
            for _ in range(1000):
                line.say(piece)
        with suppress(ConnectionError):
            line.rest()
    # A reset may overtake the refusal where the client still sends.
    assert not line.received or refused(line.received) == (431, "head_too_large")
    assert not recorder.seen


def test_a_large_body_beside_its_head_is_no_large_head(hurried: str, recorder: Recorder) -> None:
    upload = request("POST", "/v1/files", MULTIPART, body=bytes(200_000))
    with dialled(hurried, upload * 3 + MODELS) as line:
        until(lambda: len(recorder.seen) == 4)
        line.until(b"ok")
    assert [len(seen.body) for seen in recorder.seen] == [200_000] * 3 + [0]
