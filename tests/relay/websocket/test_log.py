"""The two lines that a WebSocket has in the log: what the request was, and how it ended."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.faulty import Connection, Faulty
from tests.relay.websocket.handshakes import SECRET, handshake
from tests.relay.wire import dialled
from tests.servers import REAL_KEY, RELAY_KEY, until
from tests.websockets import (
    BINARY,
    MASK,
    PING,
    TEXT,
    Client,
    Upstream,
    close,
    frame,
    offer,
    opened,
    taking_up,
)

Line = MutableMapping[str, Any]
COUNTED = {"frames_up", "frames_down", "bytes_up", "bytes_down"}
CODES = {"client_code", "upstream_code", "relay_code"}


@contextmanager
def logged() -> Iterator[tuple[Line, Line]]:
    """The access line and the closing line of the one WebSocket inside, to be read after the block."""
    access: Line = {}
    closing: Line = {}
    with capture_logs() as logs:
        yield access, closing
        until(lambda: any(log["event"] == "request" for log in logs))
    [one], [other] = (
        [log for log in logs if log["event"] == name] for name in ("request", "websocket closed")
    )
    access.update(one)
    closing.update(other)


def test_a_websocket_that_was_closed_is_complete(faulty: Faulty, faulty_relay: str) -> None:
    async def answers(connection: Connection) -> None:
        await connection.say(frame(TEXT, b"12345") + frame(PING, b"123"))
        await Upstream().hear(connection)

    faulty.script = taking_up(answers)
    with logged() as (access, closing), opened(faulty_relay, "x-request-id: mine") as client:
        client.exactly(12)
        client.say(frame(BINARY, bytes(10), mask=MASK) * 3 + close(4000, "why", mask=MASK))
        assert client.rest() == close(4000, "why")
    assert {name: access[name] for name in ("method", "path", "operation", "status", "outcome", "bytes")} == {
        "method": "GET",
        "path": "/v1/realtime",
        "operation": "connectRealtime",
        "status": 101,
        "outcome": "complete",
        "bytes": 0,
    }
    assert access["request_id"] == closing["request_id"] == "mine"
    # A Close is a frame as well; only what messages carry is counted in bytes.
    assert {name: closing[name] for name in COUNTED | CODES} == {
        "frames_up": 4,
        "frames_down": 3,
        "bytes_up": 30,
        "bytes_down": 5,
        "client_code": 4000,
        "upstream_code": 4000,
        "relay_code": None,
    }


def leaves(client: Client) -> None:
    client.socket.close()


def errs(client: Client) -> None:
    client.say(frame(3, mask=MASK))
    client.rest()


@pytest.mark.parametrize(
    ("act", "code", "upstream_code"), [(leaves, 1001, 1001), (errs, 1002, 1001)], ids=["leaves", "errs"]
)
def test_who_ended_it_is_told(
    upstream: Upstream, faulty_relay: str, act: Any, code: int, upstream_code: int
) -> None:
    with logged() as (access, closing), opened(faulty_relay) as client:
        act(client)
        assert upstream.over.wait(10)
    assert (access["status"], access["outcome"]) == (101, "aborted")
    assert {name: closing[name] for name in CODES} == {
        "client_code": None,
        "upstream_code": upstream_code,
        "relay_code": code,
    }


def test_an_upstream_that_breaks_off_is_told(faulty: Faulty, faulty_relay: str) -> None:
    async def nothing(_connection: Connection) -> None:
        pass

    faulty.script = taking_up(nothing)
    with logged() as (access, closing), opened(faulty_relay) as client:
        assert client.code() == 1011
    assert access["outcome"] == "aborted"
    assert [closing[name] for name in sorted(CODES)] == [1011, 1011, None]


@pytest.mark.parametrize(
    "fields",
    [
        ("sec-websocket-protocol: realtime, openai-insecure-api-key." + RELAY_KEY,),
        ("x-relay-key: " + RELAY_KEY, f"sec-websocket-protocol: openai-insecure-api-key.{SECRET}"),
    ],
)
def test_no_key_is_in_any_line(
    upstream: Upstream, faulty_relay: str, fields: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    raw = handshake("/v1/realtime?model=m", *fields)
    with capture_logs() as logs, dialled(faulty_relay, raw) as line:
        Client(line.socket).say(close(1000, mask=MASK))
        until(lambda: any(log["event"] == "request" for log in logs))
    told = repr(logs) + "".join(capfd.readouterr())
    for secret in (RELAY_KEY, REAL_KEY, SECRET):
        assert secret not in told
    assert upstream.over.wait(10)


def test_what_is_refused_has_one_line(faulty: Faulty, faulty_relay: str) -> None:
    async def refuses(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 429 Slow\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")

    faulty.script = refuses
    with capture_logs() as logs, dialled(faulty_relay, offer()) as line:
        assert line.rest().endswith(b"{}")
        until(lambda: any(log["event"] == "request" for log in logs))
    assert [(log["event"], log["status"], log["outcome"]) for log in logs] == [("request", 429, "complete")]
