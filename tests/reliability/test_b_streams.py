"""What a stream does when its upstream breaks, falls silent or refuses, and what it never does: wait."""

import asyncio
import json
import threading

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.faulty import Connection, Faulty, misbehaving
from tests.relay.test_broken_streams import BROKEN, CHUNKED, SSE, breaking, ended, last_event
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import LAST_CHUNK, chunk, dialled, streaming, unchunked
from tests.reliability.stage import streamed_by
from tests.servers import RELAY_KEY, Recorder, answering, relay_over


@pytest.mark.row("b10")
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_b10_a_break_adds_one_error_event_and_aborts(
    faulty: Faulty, faulty_relay: str, *, reset: bool
) -> None:
    read = threading.Event()
    faulty.script = breaking(SSE + CHUNKED + chunk(FIRST), read=read, reset=reset)
    content, whole = unchunked(ended(faulty_relay, streaming(), FIRST, read))
    assert not whole
    assert content.startswith(FIRST + b"data: ")
    assert content.count(b'"error"') == 1
    assert last_event(content) == BROKEN


@pytest.mark.row("b10")
@pytest.mark.parametrize("operation", ["chat", "responses"])
def test_b10_openai_client_raises_instead_of_ending_short(
    faulty: Faulty, faulty_relay: str, operation: str
) -> None:
    read = threading.Event()
    faulty.script = breaking(SSE + CHUNKED + chunk(FIRST), read=read)
    with OpenAI(base_url=f"{faulty_relay}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        stream = streamed_by(client, operation)
        next(stream)
        read.set()
        with pytest.raises(openai.APIError, match="The connection to the upstream broke") as caught:
            next(stream)
    assert caught.value.code == "upstream_unreachable"


@pytest.mark.row("b10")
async def test_b10_the_async_openai_client_raises_too(faulty: Faulty, faulty_relay: str) -> None:
    read = threading.Event()
    faulty.script = breaking(SSE + CHUNKED + chunk(FIRST), read=read)
    async with AsyncOpenAI(base_url=f"{faulty_relay}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        await anext(stream)
        read.set()
        with pytest.raises(openai.APIError, match="The connection to the upstream broke"):
            await anext(stream)


@pytest.mark.row("b14")
@pytest.mark.parametrize("seconds", [2, pytest.param(80, marks=pytest.mark.slow)])
def test_b14_a_silent_stream_lives_on(faulty: Faulty, faulty_relay: str, seconds: float) -> None:
    """80 s are more than any of the relay's limits but the one on the upstream's silence, which is 600 s."""

    async def thinks(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + CHUNKED + chunk(FIRST))
        await asyncio.sleep(seconds)
        await connection.say(chunk(LAST) + LAST_CHUNK)

    faulty.script = thinks
    with dialled(faulty_relay, streaming()) as line:
        line.socket.settimeout(seconds + 30)
        assert unchunked(line.until(LAST_CHUNK)) == (FIRST + LAST, True)


@pytest.mark.row("b14")
def test_b14_past_the_limit_both_sides_are_closed() -> None:
    """A peer that vanished says nothing more either, and never that it is gone."""
    closed = threading.Event()

    async def vanishes(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + CHUNKED + chunk(FIRST))
        await connection.rest()
        closed.set()

    faulty = Faulty(vanishes)
    with misbehaving(faulty), relay_over(faulty.base_url, relay_timeout=0.5) as root:
        content, whole = unchunked(ended(root, streaming(), FIRST, threading.Event()))
        assert closed.wait(10)
    assert not whole
    assert json.loads(content.removeprefix(FIRST + b"data: "))["error"]["code"] == "upstream_timeout"


@pytest.mark.row("b16")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_b16_a_refused_stream_keeps_status_and_json(relay: str, recorder: Recorder, status: int) -> None:
    body = b'{ "error": {"message": "no", "type": "t", "param": "stream", "code": "c"} }'
    recorder.reply = answering(body, status)
    client = OpenAI(base_url=f"{relay}/v1", api_key=RELAY_KEY, max_retries=0)
    with client, pytest.raises(openai.APIStatusError) as caught:
        client.responses.create(model="m", input="hi", stream=True)
    assert caught.value.status_code == status
    assert (caught.value.code, caught.value.param) == ("c", "stream")
    assert caught.value.response.content == body
    assert caught.value.response.headers["content-type"] == "application/json"
