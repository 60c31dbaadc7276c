"""Fields of one connection stay on it, repeated ones stay apart, and a query is bytes."""

import socket

import pytest

from tests.faulty import Connection, Faulty
from tests.relay.test_answers import saying
from tests.relay.test_headers import HOP_BY_HOP, pairs
from tests.relay.wire import CHAT, KEY, STREAM_BODY, ask, dialled, request
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, answering, exchange, relay_over

CLOSE = "connection: close"


@pytest.mark.row("a1")
@pytest.mark.parametrize("shown", [f"x-relay-key: {RELAY_KEY}", KEY])
def test_a01_fields_named_by_connection_are_stripped(relay: str, recorder: Recorder, shown: str) -> None:
    lines = ["connection: Authorization, X-Foo , openai-organization", "connection: x-bar,close", shown]
    named = ["x-foo: 1", "x-bar: 2", "openai-organization: org-client", "x-baz: 3"]
    exchange(relay, "\r\n".join(["GET /v1/models HTTP/1.1", "host: r", *lines, *named, "", ""]).encode())
    [seen] = recorder.seen
    names = {name for name, _ in seen.headers} - {b"via", b"x-client-request-id"}
    assert names == {b"host", b"authorization", b"x-baz"}
    assert seen.header(b"authorization") == [f"Bearer {REAL_KEY}".encode()]


@pytest.mark.row("a1")
def test_a01_fields_named_by_connection_do_not_come_down(faulty: Faulty, faulty_relay: str) -> None:
    fields = pairs(
        "Connection: X-Foo ,close", "connection: openai-model", "x-foo: 1", "openai-model: m", "x-kept: 2"
    )
    said = b"".join(b"%b: %b\r\n" % field for field in fields)
    saying(faulty, b"HTTP/1.1 200 OK\r\n%bcontent-length: 2\r\n\r\nok" % said)
    answer = ask(faulty_relay, "GET", "/v1/models")
    assert answer.all("connection", "x-foo", "openai-model") == []
    assert (answer.body, answer.all("x-kept")) == (b"ok", ["2"])


@pytest.mark.row("a2")
def test_a02_hop_by_hop_fields_do_not_come_down(faulty: Faulty, faulty_relay: str) -> None:
    said = [line for line in HOP_BY_HOP if not line.startswith("upgrade")]

    async def script(connection: Connection) -> None:
        await connection.request()
        fields = "\r\n".join(["Connection: X-Foo, close", *said, "X-Foo: 1", "X-Kept: 2"])
        await connection.say(f"HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: 2\r\n\r\nok".encode())

    faulty.script = script
    answer = ask(faulty_relay, "GET", "/v1/models")
    assert answer.body == b"ok"
    own = {"x-relay-request-id", "x-request-id", "date"}
    assert [field for field in answer.fields if field[0] not in own] == [
        ("x-kept", "2"),
        ("content-length", "2"),
    ]


@pytest.mark.row("a7")
def test_a07_repeated_fields_stay_apart_and_in_order(relay: str, recorder: Recorder) -> None:
    cookies = ["a=1; Path=/", "b=2; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "a=3"]
    fields = pairs("x-first: 1", *(f"set-cookie: {cookie}" for cookie in cookies), "x-last: 2", "x-first: 3")
    recorder.reply = answering(b"{}", headers=fields)
    answer = ask(relay, "GET", "/v1/models")
    assert answer.all("set-cookie") == cookies
    assert answer.all("x-first", "x-last") == ["1", "2", "3"]


@pytest.mark.row("a7")
def test_a07_trailers_are_dropped(faulty: Faulty, faulty_relay: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n"
        await connection.say(head + b"2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n")

    faulty.script = script
    with dialled(faulty_relay, request("GET", "/v1/models", CLOSE)) as line:
        raw = line.rest()
    assert raw.endswith(b"2\r\nok\r\n0\r\n\r\n")
    assert b"x-sum" not in raw


@pytest.mark.row("a8")
def test_a08_a_request_that_passed_this_relay_is_refused(relay: str, recorder: Recorder) -> None:
    """RFC 9110, 7.6.3: what came before in Via stays, and the relay's own name tells it of a loop."""
    assert ask(relay, "GET", "/v1/models", "via: 1.0 other.example").status == 200
    via = b", ".join(recorder.seen[0].header(b"via")).decode()
    assert via.startswith("1.0 other.example, 1.1 ")
    answer = ask(relay, "GET", "/v1/models", f"via: {via}, 1.1 another.example")
    assert (answer.status, answer.error["code"]) == (508, "loop_detected")
    assert len(recorder.seen) == 1


@pytest.mark.row("a8")
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a08_a_relay_whose_upstream_is_itself_says_so(*, streamed: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    itself = f"http://127.0.0.1:{port}/v1"
    with relay_over(itself, relay_port=port, openai_api_key=RELAY_KEY) as root:
        asked = ("POST", CHAT, "content-type: application/json") if streamed else ("GET", "/v1/models")
        answer = ask(root, *asked, body=STREAM_BODY if streamed else b"")
    assert (answer.status, answer.error["code"]) == (508, "loop_detected")


@pytest.mark.row("a9")
@pytest.mark.parametrize(
    "query",
    [
        "a=&a=%2F&b[]=+&c",
        "?",
        "",
        "x=a%20b+c&&&=",
        "limit=20&after=a%2fb&after=A%2FB",
        "q=%E2%82%AC%00%ff&r='\"(){}|\\^`~",
        "include[]=a&include[]=b&beta=true",
    ],
)
def test_a09_a_query_string_arrives_byte_for_byte(relay: str, recorder: Recorder, query: str) -> None:
    target = f"/v1/models?{query}" if query else "/v1/models"
    assert ask(relay, "GET", target).status == 200
    assert [seen.target for seen in recorder.seen] == [target.encode()]
