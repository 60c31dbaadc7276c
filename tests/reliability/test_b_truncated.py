"""Streams that end well-framed and too early: nobody takes half an answer for a whole one."""

import json

import openai
import pytest
from openai import OpenAI

from tests.faulty import Faulty
from tests.relay.test_answers import saying
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.test_streams import FIRST
from tests.relay.wire import CHAT, LAST_CHUNK, STREAM_BODY, chunk, dialled, streaming, unchunked
from tests.reliability.stage import streamed_by
from tests.servers import RELAY_KEY

CREATED = b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{}}\n\n'
STREAMED = {
    "chat": (CHAT, STREAM_BODY, FIRST),
    "responses": ("/v1/responses", b'{"model":"m","input":"hi","stream":true}', CREATED),
}


def framed(event: bytes, *, chunked: bool) -> bytes:
    """A whole answer of one event, in chunks or up to the connection's end."""
    return (
        SSE + b"connection: close\r\n" + (CHUNKED + chunk(event) + LAST_CHUNK if chunked else b"\r\n" + event)
    )


@pytest.mark.row("b10")
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "until the close"])
@pytest.mark.parametrize("operation", STREAMED)
def test_b10_a_stream_without_its_last_event_is_cut(
    faulty: Faulty, faulty_relay: str, operation: str, *, chunked: bool
) -> None:
    path, body, event = STREAMED[operation]
    saying(faulty, framed(event, chunked=chunked))
    with dialled(faulty_relay, streaming(path, body)) as line:
        content, whole = unchunked(line.rest())
    assert not whole
    error = json.loads(content.removeprefix(event + b"data: "))["error"]
    assert (error["type"], error["code"]) == ("server_error", "upstream_truncated")


@pytest.mark.row("b10")
@pytest.mark.parametrize("operation", STREAMED)
def test_b10_openai_client_raises_where_the_last_event_is_missing(
    faulty: Faulty, faulty_relay: str, operation: str
) -> None:
    saying(faulty, framed(STREAMED[operation][2], chunked=True))
    with OpenAI(base_url=f"{faulty_relay}/v1", api_key=RELAY_KEY, max_retries=0) as client:
        stream = streamed_by(client, operation)
        next(stream)
        with pytest.raises(openai.APIError) as caught:
            next(stream)
    assert caught.value.code == "upstream_truncated"
