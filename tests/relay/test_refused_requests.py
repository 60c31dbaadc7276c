"""What never goes upstream, whatever the operation: paths with two readings, codings, and what is no HTTP."""

import json

import httpx
import pytest

from tests.relay.wire import ask
from tests.servers import RELAY_KEY, Recorder, exchange

MULTIPART = "content-type: multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/..",
        "/v1/models/.",
        "/v1/files/../content",
        "/v1/files/%2e%2e/content",
        "/v1/containers/../files/file-1/content",
        "/v1/models/%00",
        "/v1/models/a%09b",
        "/v1/models/%7f",
    ],
)
def test_a_path_with_two_readings_is_refused(relay: str, recorder: Recorder, path: str) -> None:
    answer = ask(relay, "GET", path)
    assert answer.status == 400
    assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "invalid_path")
    assert not recorder.seen


@pytest.mark.parametrize(
    "path", ["/v1/models/a..b", "/v1/models/..a", "/v1/models/caf%C3%A9", "/v1/models/ft:a::b"]
)
def test_a_path_that_only_looks_odd_goes_on(relay: str, recorder: Recorder, path: str) -> None:
    assert ask(relay, "GET", path).status == 200
    assert [request.target for request in recorder.seen] == [path.encode()]


@pytest.mark.parametrize("codings", ["gzip, chunked", "identity, chunked", "deflate,chunked"])
def test_a_coding_besides_chunked_is_refused(relay: str, recorder: Recorder, codings: str) -> None:
    answer = ask(relay, "POST", "/v1/files", MULTIPART, f"transfer-encoding: {codings}", body=b"0\r\n\r\n")
    assert answer.status == 400
    assert answer.error["code"] == "invalid_head"
    assert not recorder.seen


@pytest.mark.parametrize("raw", [b"garbage\r\n\r\n", b"GET /v1/models HTTP/1.1\r\nno colon\r\n\r\n"])
def test_what_is_no_http_is_refused_in_openais_shape(relay: str, recorder: Recorder, raw: bytes) -> None:
    head, _, body = exchange(relay, raw).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/json" in head
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert not recorder.seen


def test_the_methods_of_a_path_are_told_to_those_with_a_key(relay: str) -> None:
    assert httpx.put(f"{relay}/v1/health").json()["error"]["code"] == "invalid_api_key"
    told = httpx.put(f"{relay}/v1/health", headers={"x-relay-key": RELAY_KEY})
    assert (told.status_code, told.headers["allow"]) == (405, "GET, HEAD")
