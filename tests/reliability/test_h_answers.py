"""h. Answers that are no HTTP, or that say one length and have another: nobody takes them for whole ones."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faulty import Connection, Faulty, Script, misbehaving
from tests.relay.wire import (
    CHAT,
    CHAT_BODY,
    LAST_CHUNK,
    ask,
    assert_keeps_secrets,
    chunk,
    dialled,
    request,
    unchunked,
)
from tests.reliability.kept import FIRST, FRESH, POISON, whole
from tests.servers import eventually, relay_over

JSON = "content-type: application/json"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
# A timeout of the relay's that a test can wait for, and how often a dripping upstream says a byte.
TIMEOUT = 0.5
DRIP = 0.05


@pytest.fixture(scope="module")
def impatient() -> Iterator[tuple[Faulty, str]]:
    """A relay that waits TIMEOUT seconds for a byte from its upstream."""
    upstream = Faulty()
    with misbehaving(upstream), relay_over(upstream.base_url, relay_timeout=TIMEOUT) as root:
        yield upstream, root


def refused(faulty: Faulty, root: str, script: Script) -> str:
    """The code of the error that a POST gets after one attempt, whose connection is closed then."""
    discarded = threading.Event()

    async def until_discarded(connection: Connection) -> None:
        await connection.request()
        with suppress(ConnectionError):
            await script(connection)
            await connection.rest()
        discarded.set()

    faulty.reset(until_discarded)
    answer = ask(root, "POST", CHAT, JSON, body=CHAT_BODY)
    assert discarded.wait(10), "the connection is still open"
    assert len(faulty.heads) == 1
    assert_keeps_secrets(answer, faulty.base_url)
    assert (answer.error["type"], answer.all("content-type")) == ("server_error", ["application/json"])
    assert answer.status == {"upstream_timeout": 504}.get(answer.error["code"], 502)
    code: str = answer.error["code"]
    return code


def saying(data: bytes) -> Script:
    async def script(connection: Connection) -> None:
        await connection.say(data)

    return script


NO_HTTP = {
    "garbage": b"\x00\x01\x02 not http\r\n\r\n",
    "html": b"<html>no</html>\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a request": b"GET / HTTP/1.1\r\nhost: relay\r\n\r\n",
    "http 2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",
    "no status": b"HTTP/1.1\r\n\r\n",
    "bad status": b"HTTP/1.1 abc Odd\r\n\r\n",
    "switched protocols": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: no\r\nconnection: upgrade\r\n\r\n",
    "bad field": OK + b"no colon here\r\n\r\n",
    "space before the colon": OK + b"content-length : 2\r\n\r\nok",
    "bad length": OK + b"content-length: two\r\n\r\nok",
    "negative length": OK + b"content-length: -2\r\n\r\nok",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nokk",
    "list of lengths": OK + b"content-length: 2, 3\r\n\r\nokk",
    "length without end": OK + b"content-length: 99999999999999999999999\r\n\r\n",
    "coding after chunks": OK + b"transfer-encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "codings apart": OK
    + b"transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunks twice": OK + b"transfer-encoding: chunked\r\n" * 2 + b"\r\n2\r\nok\r\n0\r\n\r\n",
    "control character": OK + b"x-a: \x01\x00\r\ncontent-length: 0\r\n\r\n",
    "huge field": OK + b"x-a: " + b"a" * 200_000 + b"\r\n\r\n",
    "huge reason": b"HTTP/1.1 200 " + b"a" * 200_000 + b"\r\n\r\n",
}


@pytest.mark.row("h36")
@pytest.mark.parametrize("said", NO_HTTP.values(), ids=NO_HTTP)
def test_h36_what_is_no_http_is_a_502(faulty: Faulty, faulty_relay: str, said: bytes) -> None:
    assert refused(faulty, faulty_relay, saying(said)) == "upstream_invalid_response"


@pytest.mark.row("h36")
@pytest.mark.parametrize("status", [b"20", b"099", b"600", b"999"])
def test_h36_a_status_that_nobody_has_is_a_502(faulty: Faulty, faulty_relay: str, status: bytes) -> None:
    faulty.script = answering_once(whole(FIRST, b"connection: close").replace(b"200", status))
    assert ask(faulty_relay, "GET", "/v1/models").error["code"] == "upstream_invalid_response"


def answering_once(data: bytes) -> Script:
    """Answer one request, and take no other over this connection."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(data)

    return script


def endlessly(begin: bytes, again: bytes) -> Script:
    """Say `begin`, and `again` for as long as the relay listens."""

    async def script(connection: Connection) -> None:
        await connection.say(begin)
        while True:
            await connection.say(again * 100)

    return script


ENDLESS = {
    "fields": endlessly(OK, b"x-a: 1\r\n"),
    "a field": endlessly(OK + b"x-a: ", b"a"),
    "a name": endlessly(OK, b"a"),
    "a status line": endlessly(b"HTTP/1.1 200 ", b"a"),
    "interim answers": endlessly(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
    "empty lines": endlessly(b"", b"\r\n"),
}


@pytest.mark.row("h36")
@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS)
def test_h36_a_head_without_end_is_refused(impatient: tuple[Faulty, str], script: Script) -> None:
    assert refused(*impatient, script) in {"upstream_invalid_response", "upstream_timeout"}


def dripping(begin: bytes, again: bytes) -> Script:
    """Say `begin`, and `again` byte by byte, each well within the relay's timeout."""

    async def script(connection: Connection) -> None:
        await connection.say(begin)
        gone = threading.Event()
        while not gone.is_set():
            for place in range(len(again)):
                await connection.say(again[place : place + 1])
                with suppress(TimeoutError):
                    await eventually(gone.is_set, DRIP)

    return script


SLOW = {
    "fields": dripping(OK, b"x-a: 1\r\n"),
    "a status line": dripping(b"HTTP/1.1 200 ", b"a"),
    "interim answers": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.row("h36")
@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_h36_a_head_that_drips_is_a_504(impatient: tuple[Faulty, str], script: Script) -> None:
    """Each byte comes in time, and the head never does."""
    assert refused(*impatient, script) == "upstream_timeout"


@pytest.mark.row("h36")
def test_h36_a_head_that_stops_is_a_504(impatient: tuple[Faulty, str]) -> None:
    assert refused(*impatient, saying(OK + b"content-ty")) == "upstream_timeout"


@pytest.mark.row("h36")
@pytest.mark.parametrize("count", [1, 5])
def test_h36_a_few_interim_answers_are_not_the_answer(faulty: Faulty, faulty_relay: str, count: int) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * count
    faulty.script = answering_once(interim + whole(FIRST, b"connection: close"))
    answer = ask(faulty_relay, "GET", "/v1/models")
    assert (answer.status, answer.body, answer.all("link")) == (200, FIRST, [])


CUT = {
    "length too long": (OK + b"content-length: 9\r\n\r\nshort", b"short"),
    "no last chunk": (OK + CHUNKED + chunk(b"short"), b"short"),
    "chunk too short": (OK + CHUNKED + b"9\r\nshort", b"short"),
}
BAD_CHUNKS = {
    "no size": b"\r\n",
    "bad size": b"zz\r\nmore\r\n",
    "negative size": b"-4\r\nmore\r\n",
    "prefixed size": b"0x4\r\nmore\r\n",
    "size without end": b"fffffffffffffffff\r\nmore\r\n",
    "long size": b"1" * 200_000,
    "long extension": b"4;" + b"a" * 200_000,
    "too small": b"2\r\nmore\r\n",
    "no end of line": b"4\r\nmoreno\r\n",
    "bare line feed": b"4\nmore\n",
}


@pytest.mark.row("h36")
@pytest.mark.parametrize(("said", "seen"), CUT.values(), ids=CUT)
def test_h36_an_answer_shorter_than_it_says_is_cut(
    faulty: Faulty, faulty_relay: str, said: bytes, seen: bytes
) -> None:
    read = threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(said)
        await eventually(read.is_set)

    faulty.script = script
    with dialled(faulty_relay, request("GET", "/v1/models")) as line:
        line.until(seen)
        read.set()
        raw = line.rest()
    assert raw.endswith((seen, seen + b"\r\n"))
    assert not raw.endswith(LAST_CHUNK)


@pytest.mark.row("h36")
@pytest.mark.parametrize("bad", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_h36_bad_framing_within_an_answer_cuts_it(faulty: Faulty, faulty_relay: str, bad: bytes) -> None:
    read, discarded = threading.Event(), threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK + CHUNKED + chunk(FIRST))
        await eventually(read.is_set)
        with suppress(ConnectionError):
            await connection.say(bad + chunk(b"after"))
            await connection.rest()
        discarded.set()

    faulty.script = script
    with dialled(faulty_relay, request("GET", "/v1/models")) as line:
        line.until(FIRST)
        read.set()
        content, complete = unchunked(line.rest())
    assert not complete
    assert content.startswith(FIRST)
    assert b"after" not in content
    assert discarded.wait(10)


@pytest.mark.row("h36")
def test_h36_a_length_beside_chunks_has_one_reading(faulty: Faulty, faulty_relay: str) -> None:
    """RFC 9112, 6.3: the chunks count, or the answer is refused; the length is believed by nobody."""
    framed = OK + b"content-length: 3\r\n" + CHUNKED + chunk(FIRST) + LAST_CHUNK
    faulty.script = answering_once(framed + POISON)
    answer = ask(faulty_relay, "GET", "/v1/models")
    if answer.status == 200:
        assert (answer.body, answer.all("content-length")) == (FIRST, [])
    else:
        assert (answer.status, answer.error["code"]) == (502, "upstream_invalid_response")
    faulty.script = answering_once(whole(FRESH))
    assert ask(faulty_relay, "GET", "/v1/models").body == FRESH


@pytest.mark.row("h36")
def test_h36_a_204_with_a_length_ends_with_its_head(faulty: Faulty, faulty_relay: str) -> None:
    """RFC 9110, 8.6: such a length is no length, and what comes after the head is no content."""
    faulty.script = answering_once(b"HTTP/1.1 204 No Content\r\ncontent-length: 6\r\n\r\n" + b"poison")
    with dialled(faulty_relay, request("DELETE", "/v1/files/f")) as line:
        first = line.until(b"\r\n\r\n")
        line.say(request("DELETE", "/v1/files/f", "connection: close"))
        both = line.rest()
    assert first.startswith(b"HTTP/1.1 204 ")
    assert both.count(b"HTTP/1.1 204 ") == both.count(b"\r\n\r\n") == 2
    assert b"content-length" not in both
    assert b"poison" not in both
