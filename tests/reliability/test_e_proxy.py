"""e. The door at /v1/proxy refuses what has two readings, and the upstream sees nothing of it."""

import json
from collections.abc import Iterator

import pytest

from tests.relay.actions.envelopes import proxied, sent, told
from tests.servers import Recorder

GOOD = {"method": "GET", "path": "files/file-1"}
INVALID_PATH = (400, "invalid_path", "path")
# Each stands for a segment, or inside of one.
_SEGMENTS = ".. . ... %2e %2e%2e %2E. .%2e %252e%252e %25252e ; ;a=b ..; .;/"
_INSIDE = r"// \ %2f %2F %5c %5C %252f %255c ; ;a=b /../ /./ .. % %zz"
_AROUND = "{}/files/file-1 /{}/files/file-1 files/{}/file-1 files/file-1/{} /v1/{}/models v1/{}"
_WITHIN = "fi{}les/file-1 files/fi{}le-1 {}files/file-1 files/file-1{} /v1{}files/file-1"
EMPTY = ["//files/file-1", "files//file-1", "files/file-1//", "/v1//models", "v1//models", "v1/", "/v1/"]
RESOLVED = [place.format(trick) for trick in _SEGMENTS.split() for place in _AROUND.split()]
RESOLVED += [place.format(trick) for trick in _INSIDE.split() for place in _WITHIN.split()]


@pytest.fixture(autouse=True)
def _nothing_arrives(relay: str, recorder: Recorder) -> Iterator[None]:  # noqa: ARG001 - it takes charge
    """Fail a test of this module that lets anything go upstream."""
    yield
    assert not recorder.seen


@pytest.mark.row("e26")
@pytest.mark.parametrize("path", [*RESOLVED, *EMPTY])
def test_e26_a_path_that_could_be_resolved_is_refused(relay: str, path: str) -> None:
    assert told(proxied(relay, method="GET", path=path)) == INVALID_PATH


@pytest.mark.row("e26")
@pytest.mark.parametrize(
    "path", ["files/\\u002e\\u002e/models", "files\\u002f\\u002fmodels", "files\\u005cmodels"]
)
def test_e26_escapes_of_json_hide_nothing(relay: str, path: str) -> None:
    assert told(sent(relay, f'{{"method": "GET", "path": "{path}"}}'.encode())) == INVALID_PATH


_ADDRESSES = r"""
https://api.openai.com/v1/models http://localhost/v1/models https:/models https:models file:models //v1/models
//evil.example/v1/models ///evil.example /\evil.example \\evil.example @evil.example/models user@evil.example
models@evil.example files/x:y@evil.example evil.example:443/v1 models# models#/files # models? models?limit=1
responses/resp_1?stream=true responses:stream models%0d%0ahost:x models%0a models%00 models%20 models%09
%C0%AF ? files%c0%af.. %e0%80%af models/ /v1/models/ files/file-1/ / models// mod*els {model} mo|dels mod~els
"""
# Line ends, controls and spaces, and what looks like a letter, a slash or a dot, or like nothing.
_RAW = [
    "models\r\nhost: evil",
    "models\n",
    "models\r",
    "\0models",
    "models\0",
    "mod\tels",
    " models",
    "models ",
    "",
]
_RAW += ["\x7f", "\uff4dodels", "models\uff0ffile", "files\uff0f\uff0e\uff0e", "model\u017f", "\u212aodels"]
_RAW += [
    "models\u200b",
    "models\u202e",
    "\ufeffmodels",
    "mode\u0301ls",
    "\U0001f642",
    "models\u2215x",
    "models/\u3000",
]


@pytest.mark.row("e27")
@pytest.mark.parametrize("path", [*_ADDRESSES.split(), *_RAW])
def test_e27_what_is_no_plain_path_is_refused(relay: str, path: str) -> None:
    assert told(proxied(relay, method="GET", path=path)) == INVALID_PATH


@pytest.mark.row("e27")
@pytest.mark.parametrize(
    "path", ["Models", "MODELS", "/V1/models", "V1/models", "/v1/Models", "Files/file-1", "v1"]
)
def test_e27_another_case_is_another_path(relay: str, path: str) -> None:
    assert told(proxied(relay, method="GET", path=path)) == (403, "operation_not_allowed", "path")


@pytest.mark.row("e27")
@pytest.mark.parametrize(
    "raw", [b"..\xc0\xaf", b"\xe0\x80\xaf", b"\xff", b"mod\xa0els", b"\xed\xa0\x80", b"a\nb", b"\x00"]
)
def test_e27_bytes_that_no_json_holds_are_refused(relay: str, raw: bytes) -> None:
    assert told(sent(relay, b'{"method": "GET", "path": "' + raw + b'"}')) == (400, "invalid_json", None)


METHODS = [
    "get",
    "Get",
    "post",
    "delete",
    "TRACE",
    "CONNECT",
    "HEAD",
    "OPTIONS",
    "PROPFIND",
    "",
    " GET",
    "GET ",
    "GET\r\n",
]


@pytest.mark.row("e27")
@pytest.mark.parametrize("method", [*METHODS, "GET /v1/files HTTP/1.1\r\n\r\nGET", "\uff27ET", "GET\x00"])
def test_e27_another_method_is_refused(relay: str, method: str) -> None:
    assert told(proxied(relay, method=method, path="models")) == (400, "invalid_value", "method")


@pytest.mark.row("e27")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_e27_a_method_that_the_path_lacks_is_refused(relay: str, method: str) -> None:
    refused = proxied(relay, method=method, path="models", body={})
    assert told(refused) == (403, "operation_not_allowed", "path")


@pytest.mark.row("e28")
@pytest.mark.parametrize(
    "name", ["url", "headers", "host", "Path", "METHOD", "path ", "", "__proto__", "stream", "\u0000"]
)
def test_e28_an_unknown_member_is_refused(relay: str, name: str) -> None:
    assert told(proxied(relay, **{**GOOD, name: "x"})) == (400, "unknown_parameter", name)


REPEATED = [
    ("method", '"method": "GET"'),
    ("path", '"path": "files/file-1"'),
    ("path", '"p\\u0061th": "models"'),
    ("params", '"query": {}, "params": {}'),
    ("query_params", '"params": {}, "query_params": {}'),
    ("query", '"query": {}, "query": {}'),
    ("json", '"body": {}, "json": {}'),
    ("body", '"json_body": {}, "body": {}'),
]


@pytest.mark.row("e28")
@pytest.mark.parametrize(("name", "more"), REPEATED)
def test_e28_a_member_that_is_said_twice_is_refused(relay: str, name: str, more: str) -> None:
    envelope = f"{json.dumps(GOOD)[:-1]}, {more}}}"
    assert told(sent(relay, envelope.encode())) == (400, "duplicate_parameter", name)


@pytest.mark.row("e28")
@pytest.mark.parametrize("path", ["proxy", "/proxy", "v1/proxy", "/v1/proxy"])
def test_e28_an_envelope_in_an_envelope_is_refused(relay: str, path: str) -> None:
    inside: dict[str, object] = dict(GOOD)
    for _ in range(3):
        inside = {"method": "POST", "path": path, "body": inside}
        refused = proxied(relay, **inside)
        assert told(refused) == (403, "operation_not_allowed", "path")
        assert "it is the proxy itself" in refused.error["message"]
