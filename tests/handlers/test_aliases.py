"""Other names of upstream operations: what arrives is a request to the original."""

import json
import re
from typing import Any

import pytest

from generated.operations import OPERATIONS
from tests.relay.wire import ask
from tests.servers import PROJECT, Recorder

JSON = "content-type: application/json"
UNPREFIXED = [found for found in OPERATIONS.values() if found.operation_id.endswith("_unprefixed")]
DOCUMENT: dict[str, Any] = json.loads((PROJECT / "generated" / "openapi.json").read_bytes())


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/v1/images", b"/v1/images/generations"),
        ("/v1/videos/generations", b"/v1/videos"),
        ("/v1/images?a=%2F&a", b"/v1/images/generations?a=%2F&a"),
    ],
)
def test_an_alias_is_forwarded_to_its_original(
    relay: str, recorder: Recorder, path: str, arrives: bytes
) -> None:
    body = b' {"prompt": "a cat", "n":1.0}'
    assert ask(relay, "POST", path, JSON, body=body).status == 200
    assert [(seen.method, seen.target, seen.body) for seen in recorder.seen] == [("POST", arrives, body)]


def test_a_body_is_judged_as_the_originals_is(relay: str, recorder: Recorder) -> None:
    for path in ("/v1/images", "/v1/videos/generations"):
        answer = ask(relay, "POST", path, JSON, body=b'{"prompt": 1}')
        assert (answer.status, answer.error["param"]) == (400, "prompt")
    assert ask(relay, "POST", "/v1/images", "content-type: text/plain", body=b"x").status == 415
    assert not recorder.seen


@pytest.mark.parametrize("operation", UNPREFIXED, ids=lambda found: found.operation_id)
def test_vector_stores_are_there_without_v1(relay: str, recorder: Recorder, operation: Any) -> None:
    path = re.sub(r"\{[^}]+\}", "v%2Ds_%20", operation.path)
    body = (
        b'{"file_id": "f", "file_ids": ["f"], "query": "q", "attributes": {}}'
        if operation.body_model
        else b""
    )
    answer = ask(relay, operation.method, path, *([JSON] if body else []), body=body)
    assert answer.status == 200
    [seen] = recorder.seen
    assert (seen.method, seen.target, seen.body) == (operation.method, f"/v1{path}".encode(), body)
    assert seen.header(b"openai-beta") == [b"assistants=v2"]
    assert operation.path not in DOCUMENT["paths"]
    assert f"/v1{operation.path}" in DOCUMENT["paths"]


def test_each_vector_store_operation_has_its_hidden_alias() -> None:
    originals = {name for name, found in OPERATIONS.items() if found.path.startswith("/v1/vector_stores")}
    assert {found.alias_of for found in UNPREFIXED} == originals
    assert len(originals) == 16


@pytest.mark.parametrize(
    "path", ["/v1/images", "/v1/videos/generations", "/v1/responses:stream", "/v1/actions/responses/stream"]
)
def test_the_other_aliases_are_in_the_served_document(path: str) -> None:
    assert set(DOCUMENT["paths"][path]) == {"post"}
    row = OPERATIONS[DOCUMENT["paths"][path]["post"]["operationId"]]
    original = OPERATIONS[row.alias_of or ""]
    assert (row.path, row.upstream_path) == (path, original.upstream_path)
    assert row.request_media_types == original.request_media_types
    assert row.response_media_types == original.response_media_types
