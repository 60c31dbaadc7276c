"""Event streams cross the relay as they are made: each byte, at once, and no faster than it is read."""

import threading
from collections.abc import Iterable
from contextlib import suppress

import httpx
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI, OpenAI
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.faulty import Connection, Faulty
from tests.relay.wire import CHAT, STREAM_BODY, ask, dialled, request
from tests.servers import RELAY_KEY, Recorder, eventually

MIB = 1024 * 1024
MULTIPART = "content-type: multipart/form-data; boundary=b"
EVENT_STREAM = [(b"content-type", b"text/event-stream; charset=utf-8")]
FIRST = (
    b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
)
LAST = b"data: [DONE]\n\n"
HEADERS = {"authorization": f"Bearer {RELAY_KEY}", "content-type": "application/json"}
LINE_ENDS = ["\n", "\r\n", "\r"]
EVERY_KIND = (
    "".join(f"event: é{end}data: {{“🙂”}}{end}data: ﬀ{end}: comment{end}{end}" for end in LINE_ENDS).encode()
    + LAST
)


def sending(chunks: Iterable[bytes]) -> ASGIApp:
    """An upstream that sends an event stream of these chunks."""

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return application


def waiting_for(first_read: threading.Event) -> ASGIApp:
    """An upstream that makes its last event once the test has read the first."""

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        await send({"type": "http.response.body", "body": FIRST, "more_body": True})
        await eventually(first_read.is_set)
        await send({"type": "http.response.body", "body": LAST, "more_body": False})

    return application


def test_httpx_reads_the_first_event_before_the_last_is_made(relay: str, recorder: Recorder) -> None:
    read = threading.Event()
    recorder.reply = waiting_for(read)
    with httpx.stream("POST", relay + CHAT, content=STREAM_BODY, headers=HEADERS) as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == FIRST
        read.set()
        assert b"".join(chunks) == LAST


def test_openai_client_reads_the_first_event_before_the_last_is_made(relay: str, recorder: Recorder) -> None:
    read = threading.Event()
    recorder.reply = waiting_for(read)
    with OpenAI(base_url=f"{relay}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        assert next(stream).choices[0].delta.content == "a"
        read.set()
        assert list(stream) == []


async def test_the_async_openai_client_reads_it_too(relay: str, recorder: Recorder) -> None:
    read = threading.Event()
    recorder.reply = waiting_for(read)
    async with AsyncOpenAI(base_url=f"{relay}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        assert (await anext(stream)).choices[0].delta.content == "a"
        read.set()
        assert [chunk async for chunk in stream] == []


def test_the_head_of_a_stream_does_not_wait_for_its_first_event(relay: str, recorder: Recorder) -> None:
    head_read = threading.Event()

    async def thinking(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await eventually(head_read.is_set)
        await send({"type": "http.response.body", "body": LAST, "more_body": False})

    recorder.reply = thinking
    with httpx.stream("POST", relay + CHAT, content=STREAM_BODY, headers=HEADERS) as answer:
        assert answer.status_code == 200
        head_read.set()
        assert answer.read() == LAST


@st.composite
def split_streams(draw: st.DrawFn) -> list[bytes]:
    """An event stream with any line ends and characters, cut within them too."""
    field = st.tuples(st.sampled_from(["data: ", "event: ", ": ", "id:"]), st.text(max_size=20))
    event = st.lists(field, max_size=3)
    end = draw(st.sampled_from(LINE_ENDS))
    events = draw(st.lists(event, min_size=1, max_size=6))
    text = "".join("".join(f"{name}{value}{end}" for name, value in fields) + end for fields in events)
    body = text.encode("utf-8", "surrogatepass")
    cuts = sorted(draw(st.sets(st.integers(1, max(len(body) - 1, 1)), max_size=40)))
    return [*(body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)), b"\n\n" + LAST]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=split_streams())
@example(chunks=[EVERY_KIND[index : index + 1] for index in range(len(EVERY_KIND))])
@example(chunks=[EVERY_KIND])
@example(chunks=[b"data: x\r", b"\n\r", b"\n", LAST])
def test_bytes_are_the_same_however_they_were_split(
    relay: str, recorder: Recorder, chunks: list[bytes]
) -> None:
    recorder.reply = sending(chunks)
    answer = ask(relay, "POST", CHAT, "content-type: application/json", body=STREAM_BODY)
    assert answer.body == b"".join(chunks)
    assert answer.all("content-type") == ["text/event-stream; charset=utf-8"]


def test_an_upstream_that_does_not_read_pauses_the_client(faulty: Faulty, faulty_relay: str) -> None:
    stuck = threading.Event()
    total = 64 * MIB
    head = request("POST", "/v1/files", MULTIPART, f"content-length: {total}")
    received = bytearray()

    async def reads_late(connection: Connection) -> None:
        await connection.head()
        await eventually(stuck.is_set)
        received.extend(await connection.exactly(total))
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")

    faulty.script = reads_late
    blob = bytes(range(256)) * 4096
    with dialled(faulty_relay, head) as line:
        line.socket.settimeout(0.5)
        sent = 0
        with suppress(TimeoutError):
            while sent < total:
                sent += line.socket.send(blob[sent % MIB :])
        assert 0 < sent < 32 * MIB
        stuck.set()
        line.socket.settimeout(10)
        while sent < total:
            sent += line.socket.send(blob[sent % MIB :])
        assert line.until(b"\r\n\r\nok").startswith(b"HTTP/1.1 200 ")
    assert received == blob * 64
