"""Answers of the relay's own operations, held against what the generated document says of them."""

import json
from typing import Any

import httpx
import jsonschema_rs

from codegen import files
from tests.servers import PROJECT

DOCUMENT: dict[str, Any] = json.loads((PROJECT / "generated" / "openapi.json").read_bytes())


def judge(template: str, response: httpx.Response) -> None:
    """See that an answer is what the document says of its path, status and media type."""
    said = DOCUMENT["paths"][template]["get"]["responses"][str(response.status_code)]["content"]
    media_type = response.headers["content-type"]
    value = files.parse(response.content, "answer") if "yaml" in media_type else response.json()
    whole = {**said[media_type]["schema"], "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    assert [error.message for error in validator.iter_errors(value)] == []


def refused(template: str, response: httpx.Response, code: str) -> str:
    """See that an answer is the 404 with this code; gives its message."""
    assert response.status_code == 404
    judge(template, response)
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    message: str = error["message"]
    return message
