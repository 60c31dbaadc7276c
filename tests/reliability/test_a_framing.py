"""A request has one framing or none: nobody gets a second request into the upstream by way of a first."""

import threading

import pytest

from tests.faulty import Connection, Faulty
from tests.relay.wire import KEY, LAST_CHUNK, ask, chunk, dialled, request
from tests.servers import Recorder, exchange

MULTIPART = "content-type: multipart/form-data; boundary=b"
CHUNKED = "transfer-encoding: chunked"
SMUGGLED = f"GET /v1/models/smuggled HTTP/1.1\r\nhost: r\r\n{KEY}\r\nconnection: close\r\n\r\n".encode()


def upload(*fields: str, body: bytes, end: str = "\r\n") -> bytes:
    lines = ["POST /v1/files HTTP/1.1", "host: relay", KEY, MULTIPART, *fields, "", ""]
    return end.join(lines).encode() + body


REFUSED = {
    "length and chunks": upload("content-length: 5", CHUNKED, body=LAST_CHUNK),
    "chunks and length": upload(CHUNKED, "content-length: 5", body=LAST_CHUNK),
    "chunks and no length": upload(CHUNKED, "content-length: 0", body=LAST_CHUNK),
    "two lengths": upload("content-length: 5", "content-length: 6", body=b"hello"),
    "one length twice": upload("content-length: 5", "content-length: 5", body=b"hello"),
    "list of lengths": upload("content-length: 5, 5", body=b"hello"),
    "signed length": upload("content-length: +5", body=b"hello"),
    "negative length": upload("content-length: -5", body=b"hello"),
    "hexadecimal length": upload("content-length: 0x5", body=b"hello"),
    "empty length": upload("content-length: ", body=b"hello"),
    "length without end": upload("content-length: 99999999999999999999", body=b"hello"),
    "space before the colon": upload("content-length : 5", body=b"hello"),
    "folded field": upload("transfer-encoding:\r\n chunked", body=LAST_CHUNK),
    "unknown coding": upload("transfer-encoding: xchunked", body=LAST_CHUNK),
    "coding after chunks": upload("transfer-encoding: chunked, identity", body=LAST_CHUNK),
    "chunks twice": upload("transfer-encoding: chunked, chunked", body=LAST_CHUNK),
    "codings apart": upload(CHUNKED, "transfer-encoding: identity", body=LAST_CHUNK),
    "control before the coding": upload("transfer-encoding: \x0bchunked", body=LAST_CHUNK),
    "bare line feeds": upload("content-length: 5", body=b"hello", end="\n"),
    "bare carriage return": upload("x-a: 1\rcontent-length: 5", body=b"hello"),
    "nul in a field": upload("x-a: \x00", "content-length: 5", body=b"hello"),
    "bare line feeds in chunks": upload(CHUNKED, body=b"5\nhello\n0\n\n"),
    "line feed in an extension": upload(CHUNKED, body=b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "bad size": upload(CHUNKED, body=b"zz\r\nhello\r\n0\r\n\r\n"),
    "signed size": upload(CHUNKED, body=b"-5\r\nhello\r\n0\r\n\r\n"),
    "prefixed size": upload(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "spaced size": upload(CHUNKED, body=b"5 \r\nhello\r\n0\r\n\r\n"),
    "size too small": upload(CHUNKED, body=b"4\r\nhello\r\n0\r\n\r\n"),
    "size without end": upload(CHUNKED, body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
}


@pytest.mark.row("a3")
@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED)
def test_a03_an_ambiguous_request_is_refused_and_the_connection_closed(
    relay: str, recorder: Recorder, asked: bytes
) -> None:
    raw = exchange(relay, asked + SMUGGLED)
    assert raw.startswith(b"HTTP/1.1 400 ")
    assert raw.count(b"HTTP/1.1 ") == 1
    assert recorder.seen == []


@pytest.mark.row("a3")
def test_a03_extensions_of_chunks_are_no_content(relay: str, recorder: Recorder) -> None:
    raw = exchange(relay, upload(CHUNKED, body=b'5;a="b"\r\nhello\r\n0\r\n\r\n') + SMUGGLED)
    assert raw.count(b"HTTP/1.1 200 ") == 2
    assert [(seen.target, seen.body) for seen in recorder.seen] == [
        (b"/v1/files", b"hello"),
        (b"/v1/models/smuggled", b""),
    ]


OFFERS = ["websocket", "h2c", "h2,h2c"]


@pytest.mark.row("a3")
@pytest.mark.parametrize("offered", OFFERS)
@pytest.mark.parametrize(
    ("framing", "body"),
    [("content-length: 5", b"hello"), (CHUNKED, chunk(b"hello") + LAST_CHUNK), ("content-length: 0", b"")],
    ids=["length", "chunks", "nothing"],
)
def test_a03_what_follows_an_offer_to_upgrade_is_read_as_http(
    relay: str, recorder: Recorder, offered: str, framing: str, body: bytes
) -> None:
    """RFC 9110, 7.8: an offer that is not taken up changes nothing, least of all where content ends."""
    asked = upload("connection: upgrade", f"upgrade: {offered}", framing, body=body)
    raw = exchange(relay, asked + asked + SMUGGLED)
    assert raw.count(b"HTTP/1.1 200 ") == 3
    content = b"hello" if body else b""
    assert [(seen.target, seen.body, seen.header(b"upgrade")) for seen in recorder.seen] == [
        (b"/v1/files", content, []),
        (b"/v1/files", content, []),
        (b"/v1/models/smuggled", b"", []),
    ]


@pytest.mark.row("a3")
def test_a03_content_behind_an_offer_to_upgrade_may_come_later(relay: str, recorder: Recorder) -> None:
    asked = upload("connection: upgrade", "upgrade: h2c", "content-length: 5", body=b"")
    with dialled(relay) as line:
        for byte in asked:
            line.say(bytes([byte]))
        line.say(b"hel")
        line.say(b"lo" + SMUGGLED)
        assert line.rest().count(b"HTTP/1.1 200 ") == 2
    assert [seen.body for seen in recorder.seen] == [b"hello", b""]


@pytest.mark.row("a3")
def test_a03_nothing_is_read_after_connect(relay: str, recorder: Recorder) -> None:
    raw = exchange(relay, request("CONNECT", "/v1/models") + SMUGGLED)
    assert raw.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in raw
    assert recorder.seen == []


@pytest.mark.row("a7")
def test_a07_trailers_of_a_request_are_dropped(relay: str, recorder: Recorder) -> None:
    """RFC 9110, 6.5.1: a trailer field is not a header field, whatever its name."""
    trailers = b"x-sum: 1\r\nopenai-organization: org-late\r\nconnection: content-type\r\n"
    body = chunk(b"hello") + b"0\r\n" + trailers + b"\r\n"
    assert ask(relay, "POST", "/v1/files", MULTIPART, CHUNKED, body=body).status == 200
    [seen] = recorder.seen
    assert seen.body == b"hello"
    assert seen.header(b"content-type") == [MULTIPART.partition(": ")[2].encode()]
    assert seen.header(b"x-sum") == seen.header(b"openai-organization") == []


@pytest.mark.row("a3")
def test_a03_a_chunk_that_goes_bad_midway_breaks_the_upload_upstream(
    faulty: Faulty, faulty_relay: str
) -> None:
    begun, over = threading.Event(), threading.Event()
    received = bytearray()

    async def reads_all(connection: Connection) -> None:
        await connection.head()
        received.extend(await connection.until(b"hello"))
        begun.set()
        received.extend(await connection.rest())
        over.set()

    faulty.script = reads_all
    with dialled(faulty_relay, request("POST", "/v1/files", MULTIPART, CHUNKED) + chunk(b"hello")) as line:
        assert begun.wait(10)
        line.say(b"zz\r\nhello\r\n" + LAST_CHUNK + SMUGGLED)
        assert line.rest().startswith(b"HTTP/1.1 400 ")
        assert over.wait(10)
    assert LAST_CHUNK not in received
    assert len(faulty.heads) == 1


@pytest.mark.row("a3")
@pytest.mark.parametrize("last", ["chunked", "close"])
def test_a03_bodies_of_one_connection_do_not_run_together(relay: str, recorder: Recorder, last: str) -> None:
    first = upload("content-length: 5", body=b"first")
    second = upload(CHUNKED, body=chunk(b"sec") + chunk(b"ond") + LAST_CHUNK)
    third = upload("content-length: 5", "connection: close", body=b"third")
    asked = first + second + third if last == "close" else second + first + third
    raw = exchange(relay, asked)
    assert raw.count(b"HTTP/1.1 200 ") == 3
    bodies = [b"first", b"second", b"third"] if last == "close" else [b"second", b"first", b"third"]
    assert [seen.body for seen in recorder.seen] == bodies
