"""Every operation of the contract is forwarded: same method, same target, same bytes, the real key."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from generated.bodies import BODIES
from generated.doors import DOORS
from generated.operations import OPERATIONS, Operation
from tests.relay.wire import CHAT, CHAT_BODY, LAST_CHUNK, ask, assert_keeps_secrets, chunk
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, answering, recording, relay_over, until

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
CHUNKED = "transfer-encoding: chunked"
PARAMETER = "x%2Dy_1"
MINIMAL: dict[str, Any] = {
    "string": "x",
    "array": [],
    "object": {},
    "integer": 1,
    "number": 1.5,
    "boolean": True,
}
PART = b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n\x00\xff\r\n--b--\r\n'
UPSTREAM = [operation for operation in OPERATIONS.values() if operation.upstream_path is not None]
# What a handler does to its operation is shown in tests/handlers.
PLAIN = [operation for operation in UPSTREAM if operation.handler is None]
CASES = [(operation, media) for operation in PLAIN for media in operation.request_media_types or (None,)]
BLOB = random.Random(1).randbytes(1024 * 1024)  # noqa: S311 - any bytes will do


def minimal_json(operation: Operation) -> bytes:
    """The least that passes the judgement of structure, oddly spaced, with a field that nobody knows."""
    values: dict[str, Any] = {"unknown_field": [1.0, "é"]}
    if operation.body_model is not None:
        rules = BODIES[operation.body_model]
        for name in rules.required:
            values[name] = next(MINIMAL[kind] for kind in rules.fields[name] if kind in MINIMAL)
    fields = (f"{json.dumps(name)} :\t{json.dumps(values[name], ensure_ascii=False)}" for name in values)
    return (" { " + " ,\n".join(fields) + " }\n").encode()


def body_of(operation: Operation, media_type: str | None) -> bytes:
    if media_type == "application/json":
        return minimal_json(operation)
    return {"multipart/form-data": PART, "application/sdp": b"v=0\r\no=- 1 1 IN IP4 0\r\n", None: b""}[
        media_type
    ]


@pytest.fixture(scope="module")
def _recorders() -> Iterator[tuple[list[Recorder], str]]:
    """The shared one, with no operation blocked."""
    recorders: list[Recorder] = []

    async def upstream(scope: Scope, receive: Receive, send: Send) -> None:
        await recorders[-1](scope, receive, send)

    with recording(upstream) as base_url, relay_over(base_url, relay_blocked_operations=[]) as root:
        yield recorders, root


def target_of(operation: Operation, path: str) -> str:
    path = re.sub(r"\{[^}]+\}", PARAMETER, path)
    return f"{path}?{operation.query}" if operation.query else path


@pytest.mark.parametrize(
    ("operation", "media_type"), CASES, ids=lambda value: getattr(value, "operation_id", value)
)
def test_each_operation_is_forwarded(
    relay: str, recorder: Recorder, operation: Operation, media_type: str | None
) -> None:
    target, body = target_of(operation, operation.path), body_of(operation, media_type)
    boundary = "; boundary=b" if media_type == "multipart/form-data" else ""
    fields = [f"content-type: {media_type}{boundary}"] if media_type else []
    with capture_logs() as lines:
        answer = ask(relay, operation.method, target, *fields, body=body)
        until(lambda: bool(lines))
    assert (answer.status, answer.body) == (200, b'{"ok": true}')
    assert [line["operation"] for line in lines] == [operation.operation_id]
    [seen] = recorder.seen
    arrived = target_of(operation, f"/v1{operation.upstream_path}").encode()
    assert (seen.method, seen.target, seen.body) == (operation.method, arrived, body)
    assert seen.header(b"authorization") == [f"Bearer {REAL_KEY}".encode()]
    assert RELAY_KEY not in repr(seen)
    assert seen.header(b"content-type") == [field.partition(": ")[2].encode() for field in fields]


def test_the_contract_has_operations() -> None:
    """The test above shows nothing where there is nothing to forward."""
    assert len(UPSTREAM) > 280
    assert len([operation for operation in UPSTREAM if operation.query]) >= 7
    assert all(
        operation.upstream_path == operation.path.removeprefix("/v1")
        for operation in UPSTREAM
        if operation.alias_of is None
    )
    handled = {operation.operation_id for operation in UPSTREAM} - {found.operation_id for found in PLAIN}
    assert handled - DOORS.keys() == {
        "createImageEdit",
        "createImageVariation",
        "downloadFile",
        "Compactconversation",
        "beta_Compactconversation",
        "streamResponse",
        "streamResponseAction",
        "connectRealtimeSocket",
        "create-realtime-client-secret",
        "create-realtime-session",
        "create-realtime-transcription-session",
        "create-realtime-translation-client-secret",
    }


def test_a_variant_is_judged_by_its_own_rules(relay: str, recorder: Recorder) -> None:
    body = b'{"multi_agent": "not an object"}'
    refused = ask(relay, "POST", "/v1/responses?beta=true", JSON, body=body)
    assert (refused.status, refused.error["param"]) == (400, "multi_agent")
    assert ask(relay, "POST", "/v1/responses", JSON, body=body).status == 200
    assert [seen.target for seen in recorder.seen] == [b"/v1/responses"]


@pytest.mark.parametrize(
    "name", ["ft:gpt-4.1:org::id", "a%20b", "%C3%A9", "a+b~c", "x;y=1", "%25", "a,b@c$&!*'()"]
)
def test_a_path_arrives_byte_for_byte(relay: str, recorder: Recorder, name: str) -> None:
    assert ask(relay, "GET", f"/v1/models/{name}").status == 200
    assert [seen.target for seen in recorder.seen] == [f"/v1/models/{name}".encode()]


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[],"unknown":{"deep":[1.0,1e2,-0,"\\u00e9\xc3\xa9"]},"model":"m2"}',
        b' \r\n{ "model" : "m" ,\t"messages" : [ ] }\n ',
        b'{"messages":[{"role":"user","content":"\\ud83d\\ude42"}],"model":"m","seed":123456789012345678901}',
    ],
)
@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_json_body_arrives_byte_for_byte(relay: str, recorder: Recorder, body: bytes, framing: str) -> None:
    sent = body if framing == "content-length" else chunk(body[:9]) + chunk(body[9:]) + LAST_CHUNK
    fields = [JSON] if framing == "content-length" else [JSON, CHUNKED]
    assert ask(relay, "POST", CHAT, *fields, body=sent).status == 200
    assert [seen.body for seen in recorder.seen] == [body]


def test_binary_arrives_byte_for_byte_both_ways(relay: str, recorder: Recorder) -> None:
    recorder.reply = answering(BLOB, headers=[(b"content-type", b"application/octet-stream")])
    answer = ask(relay, "POST", "/v1/files", MULTIPART, body=BLOB)
    assert answer.body == BLOB
    assert answer.all("content-length", "content-type") == ["application/octet-stream", str(len(BLOB))]
    assert [seen.body for seen in recorder.seen] == [BLOB]
    assert recorder.seen[0].header(b"content-length") == [str(len(BLOB)).encode()]
    assert recorder.seen[0].header(b"transfer-encoding") == []


def test_a_chunked_upload_arrives_chunked(relay: str, recorder: Recorder) -> None:
    pieces = [BLOB[start : start + 77_777] for start in range(0, len(BLOB), 77_777)]
    sent = b"".join(map(chunk, pieces)) + LAST_CHUNK
    assert ask(relay, "POST", "/v1/files", MULTIPART, CHUNKED, body=sent).status == 200
    [seen] = recorder.seen
    assert seen.body == BLOB
    assert seen.header(b"transfer-encoding") == [b"chunked"]
    assert seen.header(b"content-length") == []


@pytest.mark.parametrize("fields", [["content-length: 0"], [CHUNKED]])
def test_an_empty_body_arrives_empty(relay: str, recorder: Recorder, fields: list[str]) -> None:
    body = LAST_CHUNK if CHUNKED in fields else b""
    assert ask(relay, "POST", "/v1/batches/b/cancel", *fields, body=body).status == 200
    assert [(seen.target, seen.body) for seen in recorder.seen] == [(b"/v1/batches/b/cancel", b"")]


def test_without_an_upstream_key_nothing_is_forwarded(recorder: Recorder) -> None:
    with recording(recorder) as upstream, relay_over(upstream, openai_api_key=None) as root:
        answer = ask(root, "POST", CHAT, JSON, body=CHAT_BODY)
    assert answer.status == 424
    assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "upstream_key_missing")
    assert_keeps_secrets(answer, upstream)
    assert recorder.seen == []
