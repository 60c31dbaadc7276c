import asyncio
import socket
import time
from collections.abc import Callable

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from starlette.datastructures import Headers

from sandbox.events import DELAY_HEADER, Streams, delay_of
from sandbox.server import SandboxServer

SLOW = {DELAY_HEADER: "10000"}


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; give up after ten seconds, which is no measure of anything."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("nothing happened")


def read_all(server: SandboxServer, body: bytes) -> bytes:
    url = httpx.URL(server.base_url)
    fields = f"host: x\r\nauthorization: Bearer k\r\nconnection: close\r\ncontent-length: {len(body)}"
    head = f"POST /v1/responses HTTP/1.1\r\n{fields}\r\n\r\n"
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def chunks(answer: bytes) -> list[bytes]:
    """Return the chunks of a chunked body as they were framed."""
    _, _, rest = answer.partition(b"\r\n\r\n")
    found = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        found.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    assert found.pop() == b""
    return found


def test_each_event_is_sent_on_its_own(sandbox: SandboxServer) -> None:
    sent = chunks(read_all(sandbox, b'{"model": "m", "input": "Say exactly: one two", "stream": true}'))
    assert len(sent) == 10
    assert all(chunk.startswith(b"event: response.") for chunk in sent)
    assert [chunk.count(b"\n\n") for chunk in sent] == [1] * 10


def test_the_first_event_arrives_before_the_last_is_made(fresh: SandboxServer) -> None:
    with OpenAI(api_key="k", base_url=fresh.base_url, max_retries=0) as client:
        stream = client.responses.create(model="m", input="Hello", stream=True, extra_headers=SLOW)
        assert next(stream).type == "response.created"
        assert fresh.streams == Streams(open=1)
        stream.close()
    wait_for(lambda: fresh.streams == Streams(abandoned=1))


def test_a_client_that_leaves_in_a_pause_ends_the_stream(fresh: SandboxServer) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    headers = {"authorization": "Bearer k", **SLOW}
    with httpx.stream("POST", fresh.base_url + "/chat/completions", json=body, headers=headers) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
        assert fresh.streams.open == 1
    wait_for(lambda: fresh.streams == Streams(abandoned=1))


def test_a_client_that_leaves_a_flood_ends_the_stream(fresh: SandboxServer) -> None:
    body = {"model": "m", "input": "Return exactly: " + "wave " * 200_000, "stream": True}
    headers = {"authorization": "Bearer k"}
    with httpx.stream("POST", fresh.base_url + "/responses", json=body, headers=headers) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: response.created"
    wait_for(lambda: fresh.streams == Streams(abandoned=1))


async def test_an_async_client_that_is_cancelled_ends_the_stream(fresh: SandboxServer) -> None:
    begun = asyncio.Event()

    async def read(client: AsyncOpenAI) -> None:
        async for _ in await client.responses.create(model="m", input="x", stream=True, extra_headers=SLOW):
            begun.set()

    async with AsyncOpenAI(api_key="k", base_url=fresh.base_url, max_retries=0) as client:
        reading = asyncio.create_task(read(client))
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    await asyncio.to_thread(wait_for, lambda: fresh.streams == Streams(abandoned=1))


def test_a_stream_read_to_its_end_is_counted_as_ended(fresh: SandboxServer) -> None:
    with OpenAI(api_key="k", base_url=fresh.base_url, max_retries=0) as client:
        events = list(
            client.responses.create(model="m", input="x", stream=True, extra_headers={DELAY_HEADER: "1"})
        )
    assert events[-1].type == "response.completed"
    wait_for(lambda: fresh.streams == Streams(completed=1))


@pytest.mark.parametrize(
    ("given", "seconds"), [(None, 0), ("0", 0), ("250", 0.25), ("10000", 10), ("10001", 10), ("9" * 5000, 10)]
)
def test_the_pause_is_read_and_capped(given: str | None, seconds: float) -> None:
    assert delay_of(Headers({} if given is None else {DELAY_HEADER: given})) == seconds
