import json
import re
import socket
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from tests.servers import (
    REAL_KEY,
    RELAY_KEY,
    Recorder,
    Running,
    Seen,
    answering,
    recording,
    relay_over,
    running_relay,
    until,
)

KEY = {"x-relay-key": RELAY_KEY}
JSON = KEY | {"content-type": "application/json"}
FIELDS = {"request_id", "method", "path", "operation", "status", "bytes", "milliseconds", "outcome"}
CHAT = b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}'


@pytest.fixture(scope="module")
def root(upstream: tuple[Recorder, str]) -> Iterator[str]:
    with relay_over(upstream[1], relay_unknown_paths="reject") as address:
        yield address


@pytest.fixture(scope="module")
def client(root: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=root, timeout=30) as made:
        yield made


@pytest.fixture
def answers(upstream: tuple[Recorder, str]) -> Iterator[Recorder]:
    """The upstream, to be given a reply for one test."""
    yield upstream[0]
    upstream[0].reply = None


Line = MutableMapping[str, Any]


@contextmanager
def one_line() -> Iterator[Line]:
    """The access line of the one request inside, to be read after the block."""
    line: Line = {}
    with capture_logs() as logs:
        yield line
        until(lambda: any(log["event"] == "request" for log in logs))
    lines = [log for log in logs if log["event"] == "request"]
    assert len(lines) == 1
    line.update(lines[0])


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "operation", "status"),
    [
        ("GET", "/v1/models?limit=9&secret=s", KEY, b"", "listModels", 200),
        ("GET", "/health?x=y", {}, b"", "getRelayHealth", 200),
        ("HEAD", "/health", {}, b"", "getRelayHealth", 200),
        ("HEAD", "/v1/models", KEY, b"", "listModels", 200),
        ("POST", "/v1/chat/completions", JSON, CHAT, "createChatCompletion", 200),
        ("POST", "/v1/chat/completions?a", JSON, b"{", "createChatCompletion", 400),
        ("GET", "/v1/models", {}, b"", "listModels", 401),
        ("GET", "/nowhere?q", KEY, b"", None, 404),
        ("PUT", "/v1/models", KEY, b"", None, 405),
        ("POST", "/v1/chat/completions", KEY, CHAT, "createChatCompletion", 415),
        ("GET", "/nowhere/%0A%1B%5B2J%22", KEY, b"", None, 404),
    ],
)
def test_each_request_has_one_line_that_says_what_became_of_it(
    client: httpx.Client,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    operation: str | None,
    status: int,
) -> None:
    with one_line() as line:
        response = client.request(method, target, headers=headers, content=body)
    assert line.keys() >= FIELDS
    assert (line["method"], line["path"], line["operation"]) == (method, target.partition("?")[0], operation)
    assert (line["status"], line["outcome"]) == (response.status_code, "complete")
    assert response.status_code == status
    assert line["bytes"] == len(response.content)
    assert line["request_id"] == response.headers["x-relay-request-id"]
    assert line["milliseconds"] >= 0


def test_a_line_each_and_an_id_each_for_many_requests_on_one_connection(client: httpx.Client) -> None:
    with capture_logs() as logs:
        shown = [client.get("/live").headers["x-request-id"] for _ in range(50)]
        until(lambda: any(log["request_id"] == shown[-1] for log in logs))
    assert [log["request_id"] for log in logs] == shown
    assert len(set(shown)) == 50
    assert all(re.fullmatch(r"[0-9a-f]{32}", given) for given in shown)


async def _breaks_off(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})


def test_an_answer_that_the_upstream_breaks_off_is_aborted(client: httpx.Client, answers: Recorder) -> None:
    answers.reply = _breaks_off
    with one_line() as line, pytest.raises(httpx.RemoteProtocolError):
        client.get("/v1/models", headers=KEY)
    assert (line["status"], line["bytes"], line["outcome"]) == (200, 5, "aborted")


def leave(root: str, wait_for: bytes) -> None:
    """Send a request, and close the connection once `wait_for` has come."""
    host, _, port = root.removeprefix("http://").partition(":")
    lines = f"GET /v1/models HTTP/1.1\r\nHost: relay\r\nX-Relay-Key: {RELAY_KEY}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(lines.encode())
        received = b""
        while wait_for not in received:
            chunk = connection.recv(1000)
            assert chunk
            received += chunk


def test_an_answer_that_the_client_leaves_is_aborted(root: str, answers: Recorder) -> None:
    async def endless(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await answers.until_left(receive)

    answers.reply = endless
    with one_line() as line:
        leave(root, b"begun")
    assert (line["status"], line["bytes"], line["outcome"]) == (200, 5, "aborted")


def test_a_request_that_the_client_leaves_before_an_answer_is_unanswered(
    root: str, answers: Recorder, seen: list[Seen]
) -> None:
    async def silent(_scope: Scope, receive: Receive, _send: Send) -> None:
        await answers.until_left(receive)

    answers.reply = silent
    host, _, port = root.removeprefix("http://").partition(":")
    with one_line() as line, socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"GET /v1/models HTTP/1.1\r\nHost: r\r\nX-Relay-Key: {RELAY_KEY}\r\n\r\n".encode())
        until(lambda: bool(seen))
        connection.close()
    assert (line["status"], line["bytes"], line["outcome"]) == (None, 0, "unanswered")


@pytest.mark.parametrize("shown", ["a", "req_1.2-3", "Z" * 128])
def test_a_usable_request_id_of_the_client_is_taken(client: httpx.Client, shown: str) -> None:
    with one_line() as line:
        response = client.get("/live", headers={"x-request-id": shown})
    assert line["request_id"] == shown
    assert response.headers["x-request-id"] == response.headers["x-relay-request-id"] == shown


@pytest.mark.parametrize("shown", ["", "Z" * 129, "two words", 'a"b', "a=b", "{id}", "a,b"])
def test_a_request_id_is_given_where_the_client_has_no_usable_one(client: httpx.Client, shown: str) -> None:
    with one_line() as line:
        response = client.get("/live", headers={"x-request-id": shown})
    assert re.fullmatch(r"[0-9a-f]{32}", line["request_id"])
    assert response.headers["x-request-id"] == line["request_id"]


def test_the_upstreams_request_id_is_kept_beside_the_relays(client: httpx.Client, answers: Recorder) -> None:
    answers.reply = answering(b"{}", headers=[(b"x-request-id", b"req_of_upstream")])
    with one_line() as line:
        response = client.get("/v1/models", headers=KEY | {"x-request-id": "mine"})
    assert response.headers.get_list("x-request-id") == ["req_of_upstream"]
    assert response.headers.get_list("x-relay-request-id") == ["mine"]
    assert (line["request_id"], line["upstream_request_id"]) == ("mine", "req_of_upstream")


CANARIES = (
    REAL_KEY,
    RELAY_KEY,
    "canary-query",
    "canary-body",
    "canary-wrong-key",
    "canary-cookie",
    "canary-answer",
    "canary-field",
)


def drive(root: str, upstream: Recorder) -> int:
    """Requests of every kind, with a canary wherever a secret may stand; gives how many there were."""
    chat = ("POST", "/v1/chat/completions?canary-query=canary-query")
    calls: list[tuple[str, str, dict[str, str], bytes]] = [
        ("GET", "/v1/models?key=canary-query", KEY | {"cookie": "canary-cookie"}, b""),
        ("GET", "/v1/models?key=canary-query", {"authorization": f"Bearer {RELAY_KEY}"}, b""),
        ("GET", "/v1/models", {"x-relay-key": "canary-wrong-key", "cookie": "canary-cookie"}, b""),
        ("GET", "/v1/models", {"authorization": "Bearer canary-wrong-key"}, b""),
        ("GET", "/v1/models", {"authorization": "canary-wrong-key"}, b""),
        ("GET", "/v1/models", {"x-request-id": "two canary-field words"}, b""),
        (*chat, JSON, CHAT.replace(b'"x"', b'"canary-body"')),
        (*chat, JSON, b'{"canary-body": "canary-body'),
        (*chat, JSON, b'{"model": "canary-body", "messages": "canary-body"}'),
        (*chat, JSON, b'{"model": "m", "messages": [{"role": "canary-body"}]}'),
        (*chat, KEY | {"content-type": "canary-field"}, b"canary-body"),
        (*chat, JSON, b'"canary-body' + b"x" * 1_048_576),
        ("GET", "/nowhere?canary-query", KEY, b""),
        ("PUT", "/v1/models?canary-query", KEY, b"canary-body"),
        ("GET", "/v1/models/a%0Ab?canary-query", KEY, b""),
    ]
    upstream.reply = answering(b'{"x": "canary-answer"}', 500, [(b"x-canary", b"canary-answer")])
    with httpx.Client(base_url=root, timeout=30) as client:
        for method, target, headers, body in calls:
            response = client.request(method, target, headers=headers, content=body)
            assert REAL_KEY not in response.text + str(response.headers)
        upstream.reply = _breaks_off
        with pytest.raises(httpx.RemoteProtocolError):
            client.request(*chat, headers=JSON, content=CHAT)
    leave(root, b"begun")
    return len(calls) + 2


def requests_in(running: Running, style: str) -> list[str]:
    return [
        line for line in running.lines if ('"event": "request"' if style == "json" else " request ") in line
    ]


@pytest.mark.parametrize("style", ["json", "console"])
def test_nothing_secret_is_ever_logged_and_each_request_is_one_line(tmp_path: Path, style: str) -> None:
    given = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY, "LOG_FORMAT": style, "LOG_LEVEL": "debug"}
    recorder = Recorder()
    with (
        recording(recorder) as base,
        running_relay(
            "serve", "--port", "0", directory=tmp_path, OPENAI_API_BASE=base, RELAY_MAX_BODY_MB="1", **given
        ) as running,
    ):
        count = drive(running.root, recorder)
        until(lambda: len(requests_in(running, style)) >= count)
    assert recorder.seen
    assert len(requests_in(running, style)) == count
    assert not [line for line in running.lines if any(canary in line for canary in CANARIES)]
    if style == "json":
        parsed = [json.loads(line) for line in running.lines]
        assert all({"event", "level", "timestamp"} <= line.keys() for line in parsed)
        assert all(line.keys() >= FIELDS for line in parsed if line["event"] == "request")
    else:
        assert all(line.isprintable() for line in running.lines)
