"""Downloads: a file that users gave to a model stays here; of any other the upstream decides."""

import json
from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.relay.wire import ask, dialled, request
from tests.servers import REAL_KEY, Recorder, answering, relay_over, until

CONTENT = "/v1/files/file-1/content"


def asked_of(recorder: Recorder) -> list[tuple[str, bytes]]:
    return [(seen.method, seen.target) for seen in recorder.seen]


def by_path(metadata: ASGIApp, content: ASGIApp) -> ASGIApp:
    async def reply(scope: Scope, receive: Receive, send: Send) -> None:
        await (content if scope["path"].endswith("/content") else metadata)(scope, receive, send)

    return reply


def purpose(name: object) -> ASGIApp:
    return answering(json.dumps({"id": "file-1", "purpose": name}).encode())


DATA = answering(b"\x00\x01data", headers=[(b"content-type", b"application/octet-stream"), (b"x-odd", b"1")])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_users_gave_is_no_download(relay: str, recorder: Recorder, method: str) -> None:
    recorder.reply = by_path(purpose("user_data"), DATA)
    answer = ask(relay, method, CONTENT, "range: bytes=0-3")
    assert answer.status == 403
    if method == "GET":
        assert answer.error == {
            "message": "Not allowed to download files of purpose: user_data",
            "type": "invalid_request_error",
            "param": None,
            "code": "file_download_forbidden",
        }
    assert asked_of(recorder) == [("GET", b"/v1/files/file-1")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ["batch_output", "USER_DATA", None, 1, ["user_data"]])
def test_any_other_file_is_one(relay: str, recorder: Recorder, method: str, name: object) -> None:
    recorder.reply = by_path(purpose(name), DATA)
    answer = ask(relay, method, CONTENT)
    assert (answer.status, answer.body) == (200, b"\x00\x01data" if method == "GET" else b"")
    assert answer.all("x-odd") == ["1"]
    assert asked_of(recorder) == [("GET", b"/v1/files/file-1"), (method, CONTENT.encode())]


def test_the_download_keeps_its_fields_and_the_question_has_those_of_the_client(
    relay: str, recorder: Recorder
) -> None:
    recorder.reply = by_path(purpose("batch"), DATA)
    kept = ["range: bytes=0-3", 'if-none-match: "a"', "accept: a/b", "accept-encoding: gzip"]
    ask(
        relay,
        "GET",
        "/v1/files/f%2Dx%20/content?a=%2F",
        *kept,
        "openai-organization: org-1",
        "x-relay-own: 1",
    )
    question, download = recorder.seen
    assert (question.target, download.target) == (b"/v1/files/f%2Dx%20", b"/v1/files/f%2Dx%20/content?a=%2F")
    for seen in recorder.seen:
        assert seen.header(b"authorization") == [f"Bearer {REAL_KEY}".encode()]
        assert seen.header(b"openai-organization") == [b"org-1"]
    for field in kept:
        name, _, value = field.encode().partition(b": ")
        assert download.header(name) == [value]
        assert question.header(name) == ([b"identity"] if name == b"accept-encoding" else [])


def test_the_question_is_plain_whatever_the_clients_connection_names(relay: str, recorder: Recorder) -> None:
    recorder.reply = by_path(purpose("batch"), DATA)
    ask(relay, "GET", CONTENT, "connection: close, accept-encoding", "accept-encoding: gzip")
    question, download = recorder.seen
    assert question.header(b"accept-encoding") == [b"identity"]
    assert download.header(b"accept-encoding") == []


def test_a_download_that_is_asked_for_with_another_coding_is_refused(relay: str, recorder: Recorder) -> None:
    answer = ask(relay, "GET", CONTENT, "transfer-encoding: gzip, chunked", body=b"0\r\n\r\n")
    assert answer.status == 400
    assert not recorder.seen


async def _breaks_off(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
    await send({"type": "http.response.body", "body": b'{"purpose": "user_data"}', "more_body": True})


UNREADABLE: dict[str, ASGIApp] = {
    "not found": answering(b'{"purpose": "user_data"}', 404),
    "a redirect": answering(b'{"purpose": "user_data"}', 302),
    "no JSON": answering(b"purpose: user_data"),
    "no UTF-8": answering(b'{"purpose": "\xff"}'),
    "no object": answering(b'["user_data"]'),
    "a string": answering(b'"user_data"'),
    "empty": answering(b""),
    "too deep": answering(b"[" * 60_000),
    "too large": answering(b'{"purpose": "user_data"}' + b" " * 65_536),
    "broken off": _breaks_off,
}


@pytest.mark.parametrize("metadata", UNREADABLE.values(), ids=UNREADABLE)
def test_where_the_purpose_cannot_be_read_the_upstream_decides(
    relay: str, recorder: Recorder, metadata: ASGIApp
) -> None:
    recorder.reply = by_path(metadata, answering(b'{"error": "theirs"}', 404))
    answer = ask(relay, "GET", CONTENT)
    assert (answer.status, answer.body) == (404, b'{"error": "theirs"}')
    assert asked_of(recorder) == [("GET", b"/v1/files/file-1"), ("GET", CONTENT.encode())]


def test_metadata_as_large_as_is_read_still_counts(relay: str, recorder: Recorder) -> None:
    body = b'{"purpose": "user_data"}'
    recorder.reply = by_path(answering(body + b" " * (65_536 - len(body))), DATA)
    assert ask(relay, "GET", CONTENT).status == 403


@pytest.fixture
def keyless(upstream: tuple[Recorder, str]) -> Iterator[str]:
    with relay_over(upstream[1], openai_api_key=None) as root:
        yield root


def test_without_a_real_key_nothing_is_asked(keyless: str) -> None:
    assert ask(keyless, "GET", CONTENT).error["code"] == "upstream_key_missing"


def test_a_get_with_a_body_is_a_download_too(relay: str, recorder: Recorder) -> None:
    recorder.reply = by_path(purpose("batch"), DATA)
    assert ask(relay, "GET", CONTENT, body=b"odd").body == b"\x00\x01data"
    assert [seen.body for seen in recorder.seen] == [b"", b""]


def test_a_client_that_leaves_ends_the_question(relay: str, recorder: Recorder) -> None:
    async def silent(_scope: Scope, receive: Receive, _send: Send) -> None:
        await recorder.until_left(receive)

    recorder.reply = by_path(silent, DATA)
    with dialled(relay, request("GET", CONTENT)):
        until(lambda: bool(recorder.seen))
    assert recorder.left.wait(10)
    assert asked_of(recorder) == [("GET", b"/v1/files/file-1")]


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_other_methods_are_not_asked_about(relay: str, recorder: Recorder, method: str) -> None:
    assert ask(relay, method, CONTENT).status == 200
    assert asked_of(recorder) == [(method, CONTENT.encode())]
