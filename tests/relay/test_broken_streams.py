"""An answer that breaks upstream is never finished: at most it ends in one error event."""

import gzip
import json
import threading
import time

import pytest

from tests.faulty import Connection, Faulty, Script
from tests.relay.sse import events_in
from tests.relay.test_streams import FIRST
from tests.relay.wire import LAST_CHUNK, chunk, dialled, request, streaming, unchunked
from tests.servers import eventually

SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
BROKEN = {
    "error": {
        "message": "The connection to the upstream broke",
        "type": "server_error",
        "param": None,
        "code": "upstream_unreachable",
    }
}


def breaking(*parts: bytes, read: threading.Event | None = None, reset: bool = False) -> Script:
    """An upstream that says these parts and ends its connection, after `read` where one is given."""

    async def script(connection: Connection) -> None:
        await connection.request()
        for part in parts:
            await connection.say(part)
        if read is not None:
            await eventually(read.is_set)
        if reset:
            connection.reset()

    return script


def ended(root: str, asked: bytes, marker: bytes, read: threading.Event) -> bytes:
    """All that the relay answered until it closed the connection; `read` is set once `marker` came."""
    with dialled(root, asked) as line:
        line.until(marker)
        read.set()
        return line.rest()


def last_event(content: bytes) -> object:
    """What the last event of a stream says, which must stand on lines of its own."""
    before, _, data = content.rpartition(b"data: ")
    assert before.endswith((b"\n\n", b"\r\r", b"\r\n\r\n"))
    assert data.endswith(b"\n\n")
    assert data.count(b"\n") == 2
    return json.loads(data)


@pytest.mark.parametrize(
    "begun",
    [
        b'data: {"par',
        b'data: {"whole": 1}\n',
        b"data: one\r\ndata: two\r\n",
        b"event: x\rdata: y\r",
        "data: 🙂".encode()[:-2],
    ],
)
def test_a_break_within_the_data_of_an_event_puts_the_error_on_lines_of_its_own(
    faulty: Faulty, faulty_relay: str, begun: bytes
) -> None:
    read = threading.Event()
    faulty.script = breaking(SSE + CHUNKED + chunk(FIRST + begun), read=read)
    content, whole = unchunked(ended(faulty_relay, streaming(), begun, read))
    assert not whole
    assert content.startswith(FIRST + begun)
    assert content.count(b'"error"') == 1
    assert last_event(content) == BROKEN


@pytest.mark.parametrize(
    "begun",
    [b": comment", b"event: thread.run.created\n", b"event: done\r\n", b"event: do", b"id: 1\rdata:", b"dat"],
)
def test_a_break_before_the_data_of_an_event_makes_it_the_error(
    faulty: Faulty, faulty_relay: str, begun: bytes
) -> None:
    read = threading.Event()
    faulty.script = breaking(SSE + CHUNKED + chunk(FIRST + begun), read=read)
    content, whole = unchunked(ended(faulty_relay, streaming(), begun, read))
    assert not whole
    assert content.startswith(FIRST + begun)
    assert [(name, json.loads(data)) for name, data in events_in(content)[1:]] == [("error", BROKEN)]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n"])
def test_a_break_after_a_whole_event_adds_no_empty_line(
    faulty: Faulty, faulty_relay: str, end: bytes
) -> None:
    read = threading.Event()
    faulty.script = breaking(SSE + CHUNKED, *(chunk(bytes([byte])) for byte in b"data: x" + end), read=read)
    content, _ = unchunked(ended(faulty_relay, streaming(), b"HTTP/1.1 200", read))
    assert content.startswith(b"data: x" + end + b"data: {")
    assert last_event(content) == BROKEN


def test_a_stream_that_breaks_before_its_first_event_ends_in_the_error(
    faulty: Faulty, faulty_relay: str
) -> None:
    read = threading.Event()
    faulty.script = breaking(SSE + CHUNKED, read=read)
    content, whole = unchunked(ended(faulty_relay, streaming(), b"\r\n\r\n", read))
    assert not whole
    assert content.startswith(b"data: ")
    assert json.loads(content.removeprefix(b"data: ")) == BROKEN


@pytest.mark.parametrize("closing", [False, True], ids=["open", "closing"])
def test_bad_chunk_framing_mid_stream_ends_in_the_error_event(
    faulty: Faulty, faulty_relay: str, *, closing: bool
) -> None:
    read = threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + CHUNKED + chunk(FIRST))
        await eventually(read.is_set)
        await connection.say(b"zz\r\nno chunk\r\n")
        if not closing:
            await connection.rest()

    faulty.script = script
    content, whole = unchunked(ended(faulty_relay, streaming(), FIRST, read))
    assert not whole
    error = json.loads(content.removeprefix(FIRST + b"data: "))["error"]
    assert error["type"] == "server_error"
    assert error["code"] in {"upstream_invalid_response", "upstream_unreachable"}


def test_what_came_before_the_break_is_relayed(faulty: Faulty, faulty_relay: str) -> None:
    """Head, event and break arrive together."""
    faulty.script = breaking(SSE + CHUNKED + chunk(FIRST))
    with dialled(faulty_relay, streaming()) as line:
        content, whole = unchunked(line.rest())
    assert not whole
    assert content.startswith(FIRST)
    assert last_event(content) == BROKEN


def test_a_slow_client_gets_all_that_came_before_the_break(faulty: Faulty, faulty_relay: str) -> None:
    events = b"".join(b"data: %d\n\n" % number for number in range(400_000))
    pieces = [events[start : start + 60_000] for start in range(0, len(events), 60_000)]
    faulty.script = breaking(SSE + CHUNKED, *map(chunk, pieces))
    with dialled(faulty_relay, streaming(), receive_buffer=65_536) as line:
        while data := line.socket.recv(65_536):
            line.received += data
            time.sleep(0.002)
    content, whole = unchunked(line.received)
    assert not whole
    got, _, error = content.rpartition(b"data: {")
    assert (len(got), got == events) == (len(events), True)
    assert json.loads(b"{" + error) == BROKEN


@pytest.mark.parametrize("missing", [20, len(b"data: " + json.dumps(BROKEN).encode() + b"\n\n"), 9_999])
def test_a_stream_of_a_known_length_is_never_filled_up(
    faulty: Faulty, faulty_relay: str, missing: int
) -> None:
    read = threading.Event()
    head = SSE + f"content-length: {len(FIRST) + missing}\r\n\r\n".encode()
    faulty.script = breaking(head + FIRST, read=read)
    raw = ended(faulty_relay, streaming(), FIRST, read)
    assert raw.partition(b"\r\n\r\n")[2] == FIRST


GZIPPED = gzip.compress(FIRST * 50, mtime=0)[:40]
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CUT = {
    "gzip in chunks": (SSE + b"content-encoding: gzip\r\n" + CHUNKED + chunk(GZIPPED), GZIPPED),
    "gzip of a length": (SSE + b"content-encoding: gzip\r\ncontent-length: 99\r\n\r\n" + GZIPPED, GZIPPED),
    "json of a length": (JSON + b'content-length: 99\r\n\r\n{"a":', b'{"a":'),
    "json in chunks": (JSON + CHUNKED + chunk(b'{"a":'), b'{"a":'),
    "within a chunk": (b"HTTP/1.1 200 OK\r\n" + CHUNKED + chunk(b"\x00\xff") + b"ff\r\n12", b"12"),
    "error": (JSON.replace(b"200 OK", b"500 No") + CHUNKED + chunk(b'{"error"'), b'{"error"'),
}


def test_a_body_that_ends_with_its_connection_is_whole(faulty: Faulty, faulty_relay: str) -> None:
    """Neither Content-Length nor chunks: the close is the end (RFC 9112, 6.3)."""
    faulty.script = breaking(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nwhole")
    with dialled(faulty_relay, request("GET", "/v1/models")) as line:
        assert unchunked(line.until(LAST_CHUNK)) == (b"whole", True)
