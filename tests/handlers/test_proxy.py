"""What goes up through `POST /v1/proxy`, and what comes back: the envelope's request, byte for byte."""

import gzip
import json
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send

from relay.actions.proxy import ENVELOPE_BYTES
from relay.validation import JUDGED_BYTES
from tests.relay.actions.envelopes import DOOR, JSON, proxied, sent
from tests.relay.wire import LAST_CHUNK, ask, chunk, dialled, request
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, answering, relay_over, until

EXACT = '{ "n": [123456789012345678901234567890, 1.10, 1e400, -0],\t"s":"\\u00e9é \\u2028\\/", "n" :1 }'


def arrived(recorder: Recorder) -> tuple[str, bytes, bytes]:
    """Method, target and body of the one request that arrived."""
    [seen] = recorder.seen
    assert seen.header(b"content-length") == ([str(len(seen.body)).encode()] if seen.body else [])
    assert seen.header(b"content-type") == ([b"application/json"] if seen.body else [])
    return seen.method, seen.target, seen.body


@pytest.mark.parametrize("path", ["files", "/files", "v1/files", "/v1/files"])
def test_a_path_may_leave_its_beginning_out(relay: str, recorder: Recorder, path: str) -> None:
    assert proxied(relay, method="GET", path=path).status == 200
    assert arrived(recorder) == ("GET", b"/v1/files", b"")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/gpt-4.1-mini"),
        ("DELETE", "/v1/responses/resp_0A"),
        ("GET", "/v1/conversations/conv_1/items/msg_1-2.3"),
        ("GET", "/v1/files/" + "a" * 1014),
    ],
)
def test_a_path_arrives_as_it_was_written(relay: str, recorder: Recorder, method: str, path: str) -> None:
    assert proxied(relay, method=method, path=path).status == 200
    assert arrived(recorder) == (method, path.encode(), b"")


@pytest.mark.parametrize("name", ["query", "params", "query_params"])
@pytest.mark.parametrize(
    ("query", "encoded"),
    [
        ("{}", b""),
        ('{"limit": 20, "after": "file-1"}', b"?limit=20&after=file-1"),
        (
            '{"a": 1.50, "b": -0, "c": 1E400, "d": 12345678901234567890}',
            b"?a=1.50&b=-0&c=1E400&d=12345678901234567890",
        ),
        ('{"a": true, "b": false, "c": ""}', b"?a=true&b=false&c="),
        (
            '{"include[]": ["a.b", "c", 1, true], "none": []}',
            b"?include%5B%5D=a.b&include%5B%5D=c&include%5B%5D=1&include%5B%5D=true",
        ),
        (
            '{"a&b=c": "d e+f/%2F#?", "\\u00fc": "\\ud83d\\ude42"}',
            b"?a%26b%3Dc=d+e%2Bf%2F%252F%23%3F&%C3%BC=%F0%9F%99%82",
        ),
        ('{"stream": false, "beta": true}', b"?stream=false&beta=true"),
    ],
)
def test_a_query_is_encoded(relay: str, recorder: Recorder, name: str, query: str, encoded: bytes) -> None:
    assert sent(relay, f'{{"path":"files","method":"GET","{name}":{query}}}'.encode()).status == 200
    assert arrived(recorder) == ("GET", b"/v1/files" + encoded, b"")


@pytest.mark.parametrize("name", ["body", "json", "json_body", "b\\u006fdy"])
@pytest.mark.parametrize("body", ["{}", "{ }", EXACT, '{"stream": false}', '{"x":{"stream":true}}'])
def test_a_body_arrives_as_it_was_written(relay: str, recorder: Recorder, name: str, body: str) -> None:
    envelope = f' {{ "{name}" : {body} , "path":"responses","method":"POST"}}\n'
    assert sent(relay, envelope.encode()).status == 200
    assert arrived(recorder) == ("POST", b"/v1/responses", body.encode())


def test_a_body_that_is_left_out_is_an_empty_object(relay: str, recorder: Recorder) -> None:
    assert proxied(relay, method="POST", path="batches/batch_1/cancel").status == 200
    assert arrived(recorder) == ("POST", b"/v1/batches/batch_1/cancel", b"{}")


def test_the_clients_own_fields_go_along_and_those_of_its_envelope_do_not(
    relay: str, recorder: Recorder
) -> None:
    own = ["idempotency-key: k", "openai-organization: org-1", "x-any: 1", "x-any: 2"]
    envelopes = ["content-md5: x", "digest: x", "connection: x-hop", "x-hop: 1", "cookie: a=b"]
    assert proxied(relay, *own, *envelopes, method="GET", path="vector_stores").status == 200
    [seen] = recorder.seen
    assert sorted(seen.headers) == sorted(
        [
            *(tuple(field.encode().split(b": ", 1)) for field in own),
            (b"authorization", f"Bearer {REAL_KEY}".encode()),
            (b"host", seen.header(b"host")[0]),
            (b"openai-beta", b"assistants=v2"),
            (b"via", seen.header(b"via")[0]),
            (b"x-client-request-id", seen.header(b"x-client-request-id")[0]),
        ]
    )
    assert RELAY_KEY not in repr(seen)


@pytest.mark.parametrize("status", [200, 201, 400, 404, 429, 503])
def test_the_answer_comes_back_as_it_is(relay: str, recorder: Recorder, status: int) -> None:
    fields = [
        (b"content-type", b"application/json; x=y"),
        (b"content-encoding", b"gzip"),
        (b"retry-after", b"7"),
        (b"x-request-id", b"req_1"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    body = gzip.compress(b'{"object": "list"}')
    recorder.reply = answering(body, status, fields)
    answer = proxied(relay, method="GET", path="models")
    assert (answer.status, answer.body) == (status, body)
    kept = [field for field in answer.fields if (field[0].encode(), field[1].encode()) in fields]
    assert kept == [(name.decode(), value.decode()) for name, value in fields]


def test_a_body_is_judged_as_everywhere(relay: str, recorder: Recorder) -> None:
    refused = proxied(relay, method="POST", path="embeddings", body={"model": "m"})
    assert (refused.status, refused.error["param"]) == (400, "input")
    assert not recorder.seen
    odd = proxied(relay, method="POST", path="embeddings", body={"model": "m", "input": "x", "user": 1.5})
    assert (odd.status, odd.error["param"]) == (400, "user")
    messages = [{"role": "nobody", "content": "x"}]
    deep = proxied(relay, method="POST", path="chat/completions", body={"model": "m", "messages": messages})
    assert (deep.status, len(deep.all("x-relay-validation"))) == (200, 1)
    assert len(recorder.seen) == 1


def test_a_handled_operation_is_handled(relay: str, recorder: Recorder) -> None:
    assert proxied(relay, method="POST", path="responses/compact", body={"input": "x"}).status == 200
    assert arrived(recorder)[2] == b'{"model": "gpt-5.1", "input": "x"}'


@pytest.fixture(scope="module", params=["off", "structural", "strict"])
def strength(upstream: tuple[Recorder, str], request: pytest.FixtureRequest) -> Iterator[str]:
    """A relay of each strength of validation."""
    with relay_over(upstream[1], relay_validation=request.param) as root:
        yield root


WHOLE = {
    "newest names": {"query": {"a": [1, 2.5, "x", True]}, "body": {"model": "m", "input": "x"}},
    "older names": {"params": {"a": 1}, "json": {"model": "m", "input": "x"}},
    "oldest names": {"query_params": {"a": "x"}, "json_body": {"model": "m", "input": ["x"]}},
}


@pytest.mark.parametrize("members", WHOLE.values(), ids=WHOLE)
def test_what_the_proxy_takes_fits_its_schema(
    upstream: tuple[Recorder, str], strength: str, members: dict[str, object]
) -> None:
    answer = proxied(strength, method="POST", path="embeddings", **members)
    assert (answer.status, answer.all("x-relay-validation")) == (200, [])
    assert upstream[0].seen.pop().target.startswith(b"/v1/embeddings?a=")


def long_envelope(length: int) -> bytes:
    """An envelope of so many bytes."""
    begin, end = b'{"method":"POST","path":"responses","body":{"input":"', b'"}}'
    return begin + b"x" * (length - len(begin) - len(end)) + end


@pytest.mark.parametrize("length", [JUDGED_BYTES, JUDGED_BYTES + 1, ENVELOPE_BYTES])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_envelope_is_opened(relay: str, recorder: Recorder, length: int, *, chunked: bool) -> None:
    body = long_envelope(length)
    if chunked:
        pieces = chunk(body[:1000]) + chunk(body[1000:]) + LAST_CHUNK
        answer = ask(relay, "POST", DOOR, JSON, "transfer-encoding: chunked", body=pieces)
    else:
        answer = sent(relay, body)
    assert answer.status == 200
    assert arrived(recorder)[2] == body[43:-1]


def test_who_leaves_takes_the_request_along(relay: str, recorder: Recorder) -> None:
    async def silent(_scope: Scope, receive: Receive, _send: Send) -> None:
        await recorder.until_left(receive)

    recorder.reply = silent
    envelope = json.dumps({"method": "GET", "path": "models"}).encode()
    with dialled(relay, request("POST", DOOR, JSON, body=envelope)):
        until(lambda: bool(recorder.seen))
    assert recorder.left.wait(10)
