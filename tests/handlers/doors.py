"""Doors as the tests use them."""

import json
from base64 import b64encode
from typing import Any

from tests.forms import Part, form_of
from tests.relay.wire import Answer, ask
from tests.servers import Recorder

JSON = "content-type: application/json"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
ODD = b"\r\n--\x00\xff" + bytes(range(256)) * 5


def b64(content: bytes) -> str:
    """`content` in base64."""
    return b64encode(content).decode()


def post(root: str, path: str, value: Any, *fields: str) -> Answer:
    """The answer to JSON at the door below /v1/actions."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ask(root, "POST", f"/v1/actions{path}", JSON, *fields, body=body)


def sent(recorder: Recorder) -> tuple[str, list[tuple[str, str]], list[Part]]:
    """The one form that arrived upstream: its target, fields and files."""
    (seen,) = recorder.seen
    assert seen.method == "POST"
    assert seen.header(b"content-length") == [str(len(seen.body)).encode()]
    return (seen.target.decode(), *form_of(seen))
