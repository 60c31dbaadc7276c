"""Bodies that are cut short, too large, or answered before they are whole."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.faulty import Connection, Faulty
from tests.relay.test_broken_streams import CUT, breaking, ended
from tests.relay.test_departures import ONE_MIB, PART
from tests.relay.test_forwarding import BLOB
from tests.relay.test_streams import HEADERS
from tests.relay.wire import CHAT, LAST_CHUNK, STREAM_BODY, ask, chunk, dialled, request, streaming
from tests.servers import Recorder, recording, relay_over

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
CHUNKED = "transfer-encoding: chunked"
CLOSE = "connection: close"


@pytest.mark.row("c18")
@pytest.mark.parametrize("framing", [ONE_MIB, "transfer-encoding: chunked"])
def test_c18_an_upload_that_the_client_leaves_is_broken_upstream(
    faulty: Faulty, faulty_relay: str, framing: str
) -> None:
    begun, over = threading.Event(), threading.Event()
    received = bytearray()

    async def reads_all(connection: Connection) -> None:
        await connection.head()
        received.extend(await connection.until(PART))
        begun.set()
        received.extend(await connection.rest())
        over.set()

    faulty.script = reads_all
    data = PART if framing == ONE_MIB else chunk(PART)
    with dialled(faulty_relay, request("POST", "/v1/files", MULTIPART, framing) + data):
        assert begun.wait(10)
        assert not over.is_set()
    assert over.wait(10)
    assert len(received) < 1_000
    assert LAST_CHUNK not in received


@pytest.mark.row("c18")
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize(("said", "seen"), CUT.values(), ids=CUT)
def test_c18_a_cut_answer_is_cut_with_nothing_added(
    faulty: Faulty, faulty_relay: str, said: bytes, seen: bytes, *, reset: bool
) -> None:
    read = threading.Event()
    faulty.script = breaking(said, read=read, reset=reset)
    raw = ended(faulty_relay, streaming(), seen, read)
    assert raw.endswith((seen, seen + b"\r\n"))
    assert not raw.endswith(LAST_CHUNK)


@pytest.mark.row("c18")
def test_c18_httpx_raises_on_a_cut_answer(faulty: Faulty, faulty_relay: str) -> None:
    read = threading.Event()
    faulty.script = breaking(CUT["json of a length"][0], read=read)
    with httpx.stream("POST", faulty_relay + CHAT, content=STREAM_BODY, headers=HEADERS) as answer:
        chunks = answer.iter_raw()
        next(chunks)
        read.set()
        with pytest.raises(httpx.RemoteProtocolError):
            next(chunks)


@pytest.fixture(scope="module")
def small_relay() -> Iterator[tuple[str, Recorder]]:
    """A relay that takes bodies of at most 1 MiB."""
    recorder = Recorder()
    with recording(recorder) as upstream, relay_over(upstream, relay_max_body_mb=1) as root:
        yield root, recorder


@pytest.mark.row("c19")
@pytest.mark.parametrize("target", [(CHAT, JSON), ("/v1/files", MULTIPART), ("/v1/batches/b/cancel", JSON)])
@pytest.mark.parametrize("declared", [True, False])
def test_c19_a_body_over_the_limit_is_refused(
    small_relay: tuple[str, Recorder], target: tuple[str, str], *, declared: bool
) -> None:
    root, recorder = small_relay
    path, media_type = target
    body = BLOB + b"1" if declared else chunk(BLOB) + chunk(b"1") + LAST_CHUNK
    answer = ask(root, "POST", path, media_type, *([] if declared else [CHUNKED]), body=body)
    assert answer.status == 413
    assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "request_too_large")
    assert recorder.seen == []


@pytest.mark.row("c19")
def test_c19_a_body_of_exactly_the_limit_is_forwarded(small_relay: tuple[str, Recorder]) -> None:
    root, recorder = small_relay
    assert ask(root, "POST", "/v1/files", MULTIPART, body=BLOB).status == 200
    assert ask(root, "POST", "/v1/files", MULTIPART, CHUNKED, body=chunk(BLOB) + LAST_CHUNK).status == 200
    assert [len(seen.body) for seen in recorder.seen] == [len(BLOB)] * 2
    recorder.seen.clear()


@pytest.mark.row("c20")
def test_c20_an_answer_before_the_end_of_the_upload_comes_down_at_once(
    faulty: Faulty, faulty_relay: str
) -> None:
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
