"""A stream that ends well-framed, but before its last event, is cut like one that broke, and counted."""

import gzip
import json
from collections.abc import Iterator, MutableMapping
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from structlog.testing import capture_logs

from generated.operations import OPERATIONS, Operation
from tests.faulty import Connection, Faulty, Script, misbehaving
from tests.relay.sse import events_in
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import LAST_CHUNK, chunk, dialled, request, streaming, unchunked
from tests.servers import RELAY_KEY, relay_over

STREAMS = [row for row in OPERATIONS.values() if row.ends]
HALF = b'event: half\ndata: {"type":"half","text":"a"}\n\n'
TRUNCATED = {
    "message": "The upstream ended the stream before its last event",
    "type": "server_error",
    "param": None,
    "code": "upstream_truncated",
}
any_stream = pytest.mark.parametrize("row", STREAMS, ids=lambda row: row.operation_id)


@pytest.fixture(scope="module")
def _lenient() -> Iterator[tuple[Faulty, str]]:
    faulty = Faulty()
    with misbehaving(faulty), relay_over(faulty.base_url, relay_validation="off") as root:
        yield faulty, root


@pytest.fixture
def upstream(_lenient: tuple[Faulty, str]) -> Iterator[Faulty]:
    """An upstream to give a script to."""
    _lenient[0].reset()
    yield _lenient[0]
    assert not _lenient[0].failures


@pytest.fixture
def root(_lenient: tuple[Faulty, str]) -> str:
    """A relay that judges no body, over `upstream`: its root address."""
    return _lenient[1]


def saying(whole: bytes) -> Script:
    """An upstream that gives this answer and closes its connection properly."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(whole)

    return script


def asking(row: Operation, query: str = "") -> bytes:
    """A request for the operation."""
    path = "/".join("x-1" if part.startswith("{") else part for part in row.path.split("/"))
    pairs = "&".join(pair for pair in (row.query, query) if pair)
    fields = [f"content-type: {row.request_media_types[0]}; boundary=b"] if row.request_media_types else []
    body = b'{"stream": true}' if row.method == "POST" else b""
    return request(row.method, f"{path}?{pairs}" if pairs else path, *fields, body=body)


def answer(root: str, asked: bytes) -> tuple[bytes, bool]:
    """The content of the answer, and whether it was whole: if not, the relay has closed the connection."""
    with dialled(root, asked) as line:
        while data := line.socket.recv(65_536):
            line.received += data
            if line.received.endswith(b"\r\n" + LAST_CHUNK):
                break
    return unchunked(line.received)


def framed(body: bytes, *, chunked: bool) -> bytes:
    """A whole answer, in chunks or ended by the close of the connection (RFC 9112, 6.3)."""
    end = chunk(body) + LAST_CHUNK if chunked and body else LAST_CHUNK if chunked else body
    return SSE + b"connection: close\r\n" + (CHUNKED if chunked else b"\r\n") + end


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "until the close"])
@any_stream
def test_half_a_stream_ends_in_the_error_and_is_aborted(
    upstream: Faulty, root: str, row: Operation, *, chunked: bool
) -> None:
    upstream.script = saying(framed(HALF, chunked=chunked))
    content, whole = answer(root, asking(row))
    assert not whole
    assert content.startswith(HALF)
    assert [json.loads(data) for _, data in events_in(content)][1:] == [{"error": TRUNCATED}]


@pytest.mark.parametrize(
    "body", [b"", b": alive\n\n", b"event: half\n", b'data: {"half":'], ids=["no", "comment", "name", "data"]
)
@any_stream
def test_a_stream_without_a_whole_event_is_cut_too(
    upstream: Faulty, root: str, row: Operation, body: bytes
) -> None:
    upstream.script = saying(framed(body, chunked=True))
    content, whole = answer(root, asking(row))
    assert not whole
    assert content.startswith(body)
    assert json.loads(events_in(content)[-1][1]) == {"error": TRUNCATED}


def last_events(row: Operation) -> list[bytes]:
    named = [end.encode() for end in row.ends if end != "[DONE]"]
    return [
        b"data: [DONE]\n\n",
        b'event: error\ndata: {"message": "no"}\n\n',
        b'data: {"error": {"message": "no"}}\n\n',
        *(b"event: %b\ndata: {}\n\n: alive\n\n" % name for name in named),
        *(b'data: {"type":"%b","response":{}}\r\n\r\n' % name for name in named),
    ]


@any_stream
def test_a_stream_with_its_last_event_is_left_alone(upstream: Faulty, root: str, row: Operation) -> None:
    for last in last_events(row):
        upstream.script = saying(framed(HALF + last, chunked=True))
        assert answer(root, asking(row)) == (HALF + last, True)


RESUMED = [row for row in STREAMS if row.method == "GET"]


@pytest.mark.parametrize("row", RESUMED, ids=lambda row: row.operation_id)
@pytest.mark.parametrize(("body", "whole"), [(b"", True), (b": alive\n\n", True), (HALF, False)])
def test_nothing_may_follow_the_event_that_a_client_has(
    upstream: Faulty, root: str, row: Operation, body: bytes, *, whole: bool
) -> None:
    upstream.script = saying(framed(body, chunked=True))
    assert answer(root, asking(row, "stream=true&starting_after=7"))[1] == whole


NOT_JUDGED = {
    "unknown path": (streaming("/v1/new/streams"), SSE),
    "another status": (streaming(), SSE.replace(b"200 OK", b"202 Accepted")),
    "an error": (streaming(), SSE.replace(b"200 OK", b"500 No")),
    "no stream": (request("GET", "/v1/models"), SSE),
    "another type": (streaming(), SSE.replace(b"event-stream", b"plain")),
    "coded": (streaming(), SSE + b"content-encoding: gzip\r\n"),
}


@pytest.mark.parametrize(("asked", "head"), NOT_JUDGED.values(), ids=NOT_JUDGED)
def test_what_is_no_stream_of_an_operation_is_not_judged(
    upstream: Faulty, root: str, asked: bytes, head: bytes
) -> None:
    body = gzip.compress(HALF) if b"gzip" in head else HALF
    upstream.script = saying(head + b"connection: close\r\n" + CHUNKED + chunk(body) + LAST_CHUNK)
    before = counted(root)
    assert answer(root, asked) == (body, True)
    assert counted(root) == before


def test_head_is_not_judged(upstream: Faulty, root: str) -> None:
    upstream.script = saying(SSE + b"connection: close\r\n\r\n")
    before = counted(root)
    assert httpx.head(f"{root}/v1/responses/x", headers=KEY).status_code == 200
    assert counted(root) == before


KEY = {"authorization": f"Bearer {RELAY_KEY}"}


def counted(root: str) -> int:
    truncated: int = httpx.get(f"{root}/health").json()["meta"]["truncated_streams"]
    return truncated


def noted(logs: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [log for log in logs if log["event"] == "truncated"]


def test_a_cut_stream_is_counted_and_logged(upstream: Faulty, root: str) -> None:
    upstream.script = saying(framed(HALF, chunked=True))
    before = counted(root)
    with capture_logs() as logs:
        assert not answer(root, streaming().replace(b"host:", b"x-request-id: r-1\r\nhost:", 1))[1]
    said = {"request_id": "r-1", "operation": "createChatCompletion", "bytes": len(HALF)}
    assert noted(logs) == [{"event": "truncated", "log_level": "warning", **said}]
    assert counted(root) == before + 1


def test_a_stream_of_a_known_length_is_counted_and_left_whole(upstream: Faulty, root: str) -> None:
    length = f"connection: close\r\ncontent-length: {len(HALF)}\r\n\r\n".encode()
    upstream.script = saying(SSE + length + HALF)
    before = counted(root)
    with capture_logs() as logs, httpx.stream("POST", f"{root}/v1/completions", headers=KEY) as got:
        assert got.read() == HALF
    assert len(noted(logs)) == 1
    assert counted(root) == before + 1


RESPONSE = {"id": "r", "object": "response", "status": "in_progress", "model": "m", "output": []}
CREATED = {"type": "response.created", "sequence_number": 0, "response": RESPONSE}
BEGUN = {"chat": FIRST, "responses": b"event: response.created\ndata: %b\n\n" % json.dumps(CREATED).encode()}


def iterated(client: OpenAI, operation: str, *, helper: bool) -> None:
    """Read a stream of OpenAI's client to its end."""
    chat, responses = client.chat.completions, client.responses
    if helper:
        with (
            chat.stream(model="m", messages=[])
            if operation == "chat"
            else responses.stream(model="m", input="hi")
        ) as events:
            for _ in events:
                pass
    else:
        created = chat.create if operation == "chat" else responses.create
        given: dict[str, Any] = {"messages": []} if operation == "chat" else {"input": "hi"}
        for _ in created(model="m", stream=True, **given):
            pass


@pytest.mark.parametrize("helper", [False, True], ids=["create", "stream"])
@pytest.mark.parametrize("operation", ["chat", "responses"])
def test_openai_client_raises_instead_of_ending_short(
    upstream: Faulty, root: str, operation: str, *, helper: bool
) -> None:
    upstream.script = saying(framed(BEGUN[operation], chunked=True))
    with (
        OpenAI(base_url=f"{root}/v1", api_key=RELAY_KEY, max_retries=0) as client,
        pytest.raises(openai.APIError, match="ended the stream before its last event") as caught,
    ):
        iterated(client, operation, helper=helper)
    assert caught.value.code == "upstream_truncated"


async def test_the_async_openai_client_raises_too(upstream: Faulty, root: str) -> None:
    upstream.script = saying(framed(FIRST, chunked=True))
    async with AsyncOpenAI(base_url=f"{root}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        with pytest.raises(openai.APIError, match="ended the stream before its last event"):
            _ = [event async for event in stream]


def test_openai_client_ends_where_the_stream_does(upstream: Faulty, root: str) -> None:
    upstream.script = saying(framed(FIRST + LAST, chunked=True))
    with OpenAI(base_url=f"{root}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        assert [event.choices[0].delta.content for event in stream] == ["a"]
