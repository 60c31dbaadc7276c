"""Flow G fails on what is no realtime WebSocket, and on one that says something else, each in one row."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from acceptance.client import Target
from acceptance.command import run
from sandbox.app import create_app
from tests.acceptance.stage import KEY, Retold, Spoil, Spoiled, Stage
from tests.faulty import Connection, Faulty, misbehaving
from tests.servers import answering, serving

SECRETS = "POST /v1/realtime/client_secrets"


def check(root: str, seconds: float = 20) -> int:
    return run(Target(root, KEY, seconds), "gpt-5.1", "gpt-realtime", only="G", wait=1)


def failure(output: str) -> str:
    """The one row that failed, what was expected and what came, as one line."""
    rows = re.findall(r"^(.+? FAILED .*\n +expected .*\n +came .*)$", output, re.MULTILINE)
    assert len(rows) == 1, output
    assert output.endswith("1 flows (G), failed: G\n")
    return re.sub(r"\s+", " ", rows[0])


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an upstream that a test has changed, WebSockets included."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, ws="websockets-sansio")
    with serving(config) as root:
        yield root


def without(pattern: str) -> tuple[str, str]:
    return rf"(?s)\A.*{pattern}.*\Z", ""


# By what is wrong: which part of an event is told as what, and what the row says of it.
EVENTS = {
    "the session never begins": (*without('"type":"session.created"'), "session.created within 1 s"),
    "the session is no session": ('"session":', '"x":', "a member session.model"),
    "an event is no JSON": ("session.created", '"', "each event: JSON"),
    "an event has no type": ('"type":"session.created"', '"kind":"x"', "a member type"),
    "an update is not taken": (
        r'(?s)"type":"session.updated".*',
        '"type":"error","error":{"message":"No."}}',
        'session.updated came {"event_id": "event_',
    ),
    "an update changes nothing": (
        r'"output_modalities":\["text"\]',
        '"output_modalities":["audio"]',
        "output_modalities: ['text'] came ['audio']",
    ),
    "a response begins otherwise": ("response.created", "response.queued", "first event of the response"),
    "a response never ends": (*without('"type":"response.done"'), "response.done within 1 s"),
    "a response fails": ('"status":"completed","output"', '"status":"failed","output"', "came 'failed'"),
    "a delta is lost": (*without('"delta":" pong"'), "the deltas joined"),
    "there are no deltas": ("output_text.delta", "output_text.other", "two events"),
    "the whole text is lost": ("output_text.done", "output_text.other", "the deltas joined"),
    "another text": ("pong", "ding", "with pong in it came ping ding ping ding"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_the_flow_fails_where_its_events_do(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    pattern, instead, said = EVENTS[name]
    with served(Retold(create_app(), pattern, instead)) as root:
        assert check(root, 1 if "within" in said else 20) == 1
    assert said in failure(capsys.readouterr().out)


def spoilt(status: int, whole: bytes) -> Spoil:
    return lambda *_: (status, whole)


@pytest.mark.parametrize(
    ("status", "whole", "said"),
    [
        (404, b'{"error": "no"}', 'status 200 came 404 {"error": "no"}'),
        (200, b"{}", "a member value came {}"),
        (200, b'{"value": null}', "an id in value came None"),
    ],
)
def test_the_flow_fails_where_no_secret_is_made(
    status: int, whole: bytes, said: str, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.front = Spoiled(stage.relay, SECRETS, spoilt(status, whole))
    assert check(stage.root) == 1
    assert said in failure(capsys.readouterr().out)


@pytest.mark.parametrize("status", [200, 400, 404, 426, 501])
def test_a_relay_without_websockets_is_one_row(
    status: int, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    async def older(scope: Scope, receive: Receive, send: Send) -> None:
        front = stage.relay if scope["method"] == "POST" else answering(b'{"detail": "No."}', status)
        await front(scope, receive, send)

    stage.front = older
    assert check(stage.root) == 1
    assert f'/v1/realtime: status 101 came {status} {{"detail": "No."}}' in failure(capsys.readouterr().out)


MADE = json.dumps({"value": "ek_made"}).encode()
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"


@pytest.mark.parametrize(
    ("said", "row"),
    [
        (b"", "GET /v1/realtime: a WebSocket came InvalidMessage"),
        (b"SSH-2.0-x\r\n", "GET /v1/realtime: a WebSocket came InvalidMessage"),
        (SWITCHED + b"sec-websocket-accept: x\r\n\r\n", "a WebSocket came InvalidHeader"),
    ],
)
def test_what_speaks_no_websockets_is_one_row(
    said: bytes, row: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(connection: Connection) -> None:
        if (await connection.request()).startswith(b"POST"):
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            await connection.say(head + b"content-length: %d\r\n\r\n" % len(MADE) + MADE)
        else:
            await connection.say(said)

    faulty = Faulty(script)
    with misbehaving(faulty):
        assert check(faulty.base_url) == 1
    assert row in failure(capsys.readouterr().out)
    assert not faulty.failures


def test_the_flow_fails_where_the_connection_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app()

    async def leaving(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scope = {
                **scope,
                "query_string": scope["query_string"] + b"&x-sandbox-fault=close=1011;cut-after=2",
            }
        await app(scope, receive, send)

    with served(leaving) as root:
        assert check(root) == 1
    assert "1011" in failure(capsys.readouterr().out)
