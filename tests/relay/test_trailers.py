"""Trailers without end, of a client and of the upstream: they are dropped, and are not to fill the memory."""

import pytest

from relay.serving.protocol import MAX_HEAD_BYTES
from tests.faulty import Connection, Faulty
from tests.relay.wire import LAST_CHUNK, chunk, dialled, request, unchunked
from tests.servers import Recorder, recording, relay_over

ENDLESS = {"fields": (b"", b"x-a: 1\r\n"), "a field": (b"x-a: ", b"a"), "a name": (b"", b"a")}
CONTENT = chunk(b"ok")
START = CONTENT + LAST_CHUNK.removesuffix(b"\r\n")
FIELDS = ("content-type: multipart/form-data; boundary=b", "transfer-encoding: chunked")


@pytest.mark.parametrize(("begin", "again"), ENDLESS.values(), ids=ENDLESS)
def test_a_client_is_not_listened_to_for_ever(begin: bytes, again: bytes) -> None:
    recorder = Recorder()
    with recording(recorder) as base_url, relay_over(base_url) as root, dialled(root) as line:
        line.say(request("POST", "/v1/files", *FIELDS) + START + begin)
        with pytest.raises(ConnectionError):
            line.say(again * (300 * MAX_HEAD_BYTES // len(again)))
    assert recorder.seen == []


@pytest.mark.parametrize(("begin", "again"), ENDLESS.values(), ids=ENDLESS)
def test_an_upstream_is_not_listened_to_for_ever(
    faulty: Faulty, faulty_relay: str, begin: bytes, again: bytes
) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + START + begin)
        for _ in range(1000):
            await connection.say(again * 10_000)
        raise AssertionError("nobody stopped it")

    faulty.script = script
    with dialled(faulty_relay, request("GET", "/v1/models")) as line:
        content, whole = unchunked(line.rest())
    assert (content, whole) == (b"ok", False)


def test_chunks_that_come_byte_by_byte_are_no_trailers(faulty: Faulty, faulty_relay: str) -> None:
    """What is counted begins anew with all content: a long stream has much framing."""
    events = [b"data: %d\n\n" % number for number in range(MAX_HEAD_BYTES // 20)]
    framing = b";extension=of-twenty-bytes!\r\n"

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n")
        for event in events:
            await connection.say(b"%x" % len(event) + framing)
            await connection.say(event + b"\r\n")
        await connection.say(LAST_CHUNK)

    faulty.script = script
    with dialled(faulty_relay, request("GET", "/v1/models", "connection: close")) as line:
        content, whole = unchunked(line.rest())
    assert (content, whole) == (b"".join(events), True)
