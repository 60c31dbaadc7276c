"""What `POST /v1/proxy` refuses: the upstream sees nothing of it, and the client is told why."""

import re
from collections.abc import Iterator

import pytest

from generated.operations import OPERATIONS, Operation
from relay.actions.proxy import ENVELOPE_BYTES
from tests.handlers.test_proxy import long_envelope
from tests.relay.actions.envelopes import DOOR, JSON, proxied, sent, told
from tests.relay.wire import LAST_CHUNK, ask, chunk
from tests.servers import Recorder, Seen, exchange, relay_over

NOT_ALLOWED = (403, "operation_not_allowed", "path")


@pytest.fixture(scope="module", params=["forward", "reject"])
def root(upstream: tuple[Recorder, str], request: pytest.FixtureRequest) -> Iterator[str]:
    """A relay that blocks nothing, for either way of taking unknown paths."""
    given = {"relay_unknown_paths": request.param, "relay_blocked_operations": []}
    with relay_over(upstream[1], **given) as found:
        yield found


def filled(operation: Operation) -> str:
    return re.sub(r"\{[^}]+\}", "x", operation.path)


# A name outside /v1 is no other operation's with /v1 before it, but its original's.
CLOSED = [
    found
    for found in OPERATIONS.values()
    if not found.proxy and (found.alias_of is None or found.path.startswith("/v1/"))
]


@pytest.mark.parametrize("operation", CLOSED, ids=lambda found: found.operation_id)
def test_an_operation_that_is_not_marked_is_out_of_reach(
    root: str, seen: list[Seen], operation: Operation
) -> None:
    answer = proxied(root, method=operation.method, path=filled(operation))
    status, code, param = told(answer)
    assert (status, param) == ((400, "path") if code == "invalid_path" else (403, "path"))
    # What has no plain path stands at another one.
    assert code == (
        "operation_not_allowed" if re.fullmatch(r"[/\w.]+\w", filled(operation)) else "invalid_path"
    )
    assert not seen


@pytest.mark.parametrize(
    ("method", "path", "why"),
    [
        ("POST", "proxy", "it is the proxy itself"),
        ("GET", "health", "it is the relay's own"),
        ("POST", "images", "it is another name of /images/generations"),
        ("POST", "files", "its body is multipart/form-data"),
        ("GET", "files/file-1/content", "its answer is content, and no JSON"),
        ("GET", "organization/projects", "no operation of 'Projects' is among those that it reaches"),
        ("POST", "moderations", "no operation of 'Moderations' is among"),
        ("POST", "videos", "it is not among the operations that it reaches"),
        ("DELETE", "models/gpt-5.1", "it is not among"),
        ("GET", "vector_stores/vs_1/files/file-1/content", "it is not among"),
        ("GET", "brand/new", "no operation of the contract has this method and path"),
        ("GET", "v1/v1/models", "no operation of the contract"),
        ("GET", "v1", "no operation of the contract"),
        ("GET", "actions/responses/stream", "it is another name of /responses/{response_id}"),
        ("PUT", "actions/responses/stream", "no operation of the contract"),
        ("PUT", "models", "no operation of the contract"),
        ("PATCH", "files/file-1", "no operation of the contract"),
        ("GET", "Models", "no operation of the contract"),
        ("POST", "responses/COMPACT", "no operation of the contract"),
    ],
)
def test_the_message_says_why(root: str, seen: list[Seen], method: str, path: str, why: str) -> None:
    answer = proxied(root, method=method, path=path)
    assert told(answer) == NOT_ALLOWED
    assert answer.error["message"].startswith(f"The proxy does not reach {method} /v1/")
    assert why in answer.error["message"]
    assert not seen


@pytest.mark.parametrize("value", ["true", '"true"', "1", '"false"', '"1"', "[]", "{}", '""'])
@pytest.mark.parametrize("path", ["responses", "chat/completions", "images/generations"])
def test_a_body_that_asks_for_a_stream_is_refused(root: str, seen: list[Seen], path: str, value: str) -> None:
    for body in (
        f'"stream":{value}',
        f'"stream":false,"stream":{value}',
        f'"str\\u0065am":{value},"stream":null',
    ):
        answer = sent(root, f'{{"method":"POST","path":"{path}","json":{{{body}}}}}'.encode())
        assert told(answer) == (403, "operation_not_allowed", "json.stream")
    assert not seen


@pytest.mark.parametrize("value", [True, "true", 1, "1", "yes", "", [False, True], [], ["true"]])
def test_a_query_that_asks_for_a_stream_is_refused(root: str, seen: list[Seen], value: object) -> None:
    answer = proxied(root, method="GET", path="responses/resp_1", params={"stream": value})
    assert told(answer) == (403, "operation_not_allowed", "params.stream")
    assert not seen


ENVELOPES = [
    ('{"path":"models"}', "missing_required_parameter", "method"),
    ('{"method":"GET"}', "missing_required_parameter", "path"),
    ('{"method":1,"path":"models"}', "invalid_type", "method"),
    ('{"method":"GET","path":["models"]}', "invalid_type", "path"),
    ('{"method":"GET","path":12}', "invalid_type", "path"),
    ('{"method":"GET","path":null}', "invalid_type", "path"),
    ('{"method":"HEAD","path":"models"}', "invalid_value", "method"),
    ('{"method":"GET","path":"models","query":"limit=1"}', "invalid_type", "query"),
    ('{"method":"GET","path":"models","params":[]}', "invalid_type", "params"),
    ('{"method":"GET","path":"models","query":null}', "invalid_type", "query"),
    ('{"method":"GET","path":"models","query":{"a":{}}}', "invalid_type", "query.a"),
    ('{"method":"GET","path":"models","query":{"a":[[1]]}}', "invalid_type", "query.a"),
    ('{"method":"GET","path":"models","query":{"a":null}}', "invalid_type", "query.a"),
    ('{"method":"GET","path":"models","query":{"a":1,"a":1}}', "duplicate_parameter", "query.a"),
    (f'{{"method":"GET","path":"models","query":{{"a":"{"x" * 8191}"}}}}', "invalid_value", "query"),
    ('{"method":"GET","path":"models","body":{}}', "invalid_value", "body"),
    ('{"method":"DELETE","path":"files/file-1","json":{}}', "invalid_value", "json"),
    ('{"method":"POST","path":"responses","body":null}', "invalid_type", "body"),
    ('{"method":"POST","path":"responses","body":"{}"}', "invalid_type", "body"),
    ('{"method":"POST","path":"responses","json_body":[{}]}', "invalid_type", "json_body"),
    ("[]", "invalid_type", None),
    ('"GET /v1/models"', "invalid_type", None),
    ("1", "invalid_type", None),
    ("{", "invalid_json", None),
    ('{"method":"GET","path":"models"} {}', "invalid_json", None),
    ('{"method":"POST","path":"responses","body":{"a":NaN}}', "invalid_json", None),
    ('{"method":"POST","path":"responses","body":{"a":-Infinity}}', "invalid_json", None),
    ('\ufeff{"method":"GET","path":"models"}', "invalid_json", None),
    ('{"method":"POST","path":"responses","body":' + '{"a":' * 20_000, "invalid_json", None),
]


@pytest.fixture(scope="module")
def unjudged(upstream: tuple[Recorder, str]) -> Iterator[str]:
    with relay_over(upstream[1], relay_validation="off") as found:
        yield found


@pytest.mark.parametrize(("envelope", "code", "param"), ENVELOPES, ids=range(len(ENVELOPES)))
def test_an_envelope_that_cannot_be_opened_is_refused_in_any_strength(
    relay: str,
    unjudged: str,
    recorder: Recorder,
    seen: list[Seen],
    envelope: str,
    code: str,
    param: str | None,
) -> None:
    for where in (relay, unjudged):
        assert told(sent(where, envelope.encode())) == (400, code, param)
    assert not recorder.seen
    assert not seen


@pytest.mark.parametrize("query", ['{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":["b","\\udfff"]}'])
def test_half_a_surrogate_pair_is_in_no_query(
    relay: str, unjudged: str, recorder: Recorder, seen: list[Seen], query: str
) -> None:
    envelope = f'{{"method":"GET","path":"models","query":{query}}}'.encode()
    assert told(sent(unjudged, envelope)) == (400, "invalid_value", "query")
    assert told(sent(relay, envelope)) == (400, "invalid_json", None)
    assert not recorder.seen
    assert not seen


def test_what_is_no_plain_json_is_refused(unjudged: str, seen: list[Seen]) -> None:
    whole = b'{"method":"GET","path":"models"}'
    assert told(sent(unjudged, whole, "content-encoding: gzip"))[:2] == (415, "unsupported_media_type")
    assert ask(unjudged, "POST", DOOR, "content-type: text/plain", body=whole).status == 415
    assert ask(unjudged, "POST", DOOR, body=whole).status == 415
    assert told(ask(unjudged, "POST", f"{DOOR}?limit=1", JSON, body=whole)) == (400, "invalid_head", "query")
    assert told(sent(unjudged, whole.replace(b"models", b"\xc0\xaf"))) == (400, "invalid_json", None)
    assert not seen


def test_what_is_too_large_is_refused(relay: str, recorder: Recorder) -> None:
    large = long_envelope(ENVELOPE_BYTES + 1)
    assert told(sent(relay, large))[:2] == (413, "request_too_large")
    pieces = chunk(large[:1000]) + chunk(large[1000:]) + LAST_CHUNK
    answer = ask(relay, "POST", DOOR, JSON, "transfer-encoding: chunked", body=pieces)
    assert told(answer)[:2] == (413, "request_too_large")
    assert not recorder.seen


def test_keys_are_needed(upstream: tuple[Recorder, str], relay: str, seen: list[Seen]) -> None:
    head = f"POST {DOOR} HTTP/1.1\r\nhost: r\r\nconnection: close\r\n{JSON}\r\ncontent-length: 2\r\n\r\n{{}}"
    assert exchange(relay, head.encode()).startswith(b"HTTP/1.1 401 ")
    with relay_over(upstream[1], openai_api_key=None) as keyless:
        answer = proxied(keyless, method="GET", path="models")
    assert told(answer) == (424, "upstream_key_missing", None)
    assert not seen


@pytest.mark.parametrize(
    ("globs", "path"),
    [
        ("listModels", "models"),
        ("/models", "v1/models"),
        ("/files/*", "files/file-1"),
        ("proxyRequest", "models"),
        ("/proxy", "files"),
    ],
)
def test_what_is_blocked_is_blocked_through_the_proxy(
    upstream: tuple[Recorder, str], seen: list[Seen], globs: str, path: str
) -> None:
    with relay_over(upstream[1], relay_blocked_operations=globs) as blocking:
        assert told(proxied(blocking, method="GET", path=path)) == (403, "operation_blocked", None)
    assert not seen


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_the_door_has_one_method(relay: str, recorder: Recorder, method: str) -> None:
    assert ask(relay, method, DOOR).status == 405
    assert not recorder.seen
