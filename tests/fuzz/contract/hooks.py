"""What schemathesis loads: links that it cannot guess, a check of our own, and the explained failures."""

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from jsonschema_rs import validator_for

from codegen import files, overlay
from tests.fuzz.contract.explained import EXPLAINED

_LINKS = Path(__file__).with_name("links.yaml")
_ERRORS = range(400, 600)
_SHAPE = validator_for(
    {
        "type": "object",
        "required": ["error"],
        "additionalProperties": False,
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "additionalProperties": False,
                "properties": {
                    "message": {"type": "string", "minLength": 1},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
            }
        },
    }
)
_used = Counter[str]()


@schemathesis.hook
def before_load_schema(_context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Add the links of links.yaml to the document that the relay serves."""
    linked = overlay.apply(raw_schema, files.load(_LINKS), _LINKS.name)
    raw_schema.update(linked)


@schemathesis.serializer("application/sdp")
def sdp(_context: Any, value: Any) -> bytes:
    """An offer of a call is text."""
    return str(value).encode("utf-8", "replace")


@schemathesis.check
def error_shape(_context: Any, response: schemathesis.Response, case: schemathesis.Case[Any]) -> None:
    """Every error is OpenAI's: `{"error": {message, type, param, code}}`, as JSON."""
    if response.status_code in _ERRORS and case.method != "HEAD":
        _SHAPE.validate(json.loads(response.content))


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext,
    failure: Any,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Whether a failure counts: one that `explained` has a reason for is counted apart."""
    for explained in EXPLAINED:
        if set(failure.checks) & explained.checks and explained.holds(case, response):
            _used[explained.name] += 1
            return False
    return True


@atexit.register
def _tell() -> None:
    """Leave how often each explanation was needed to whoever started the run."""
    if path := os.environ.get("FUZZ_EXPLAINED"):
        Path(path).write_text(json.dumps(_used))
