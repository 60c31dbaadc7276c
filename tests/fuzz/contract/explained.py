"""What a check may report although nothing is wrong, and why; what no row explains fails the run."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import schemathesis
from jsonschema_rs import validator_for

from generated.operations import OPERATIONS
from relay.contract import served_document

Case: TypeAlias = schemathesis.Case[Any]
Response: TypeAlias = schemathesis.Response

_REJECTED = "positive_data_acceptance"
_ACCEPTED = "negative_data_rejection"
# What the relay says of the files that it is given.
_FILE_CODES = {
    "blocked_url",
    "empty_file",
    "invalid_base64",
    "invalid_filename",
    "invalid_media_type",
    "too_many_files",
    "unsupported_file_type",
}


@dataclass(frozen=True)
class Explained:
    """A failure of one of `checks` that is none where `holds`; `why` is for readers."""

    name: str
    checks: frozenset[str]
    holds: Callable[[Case, Response], bool]
    why: str


def _error(response: Response) -> dict[str, Any]:
    """The error that a 400 is; nothing of any other answer."""
    found: dict[str, Any] = json.loads(response.content)["error"] if response.status_code == 400 else {}
    return found


def _is_door(case: Case) -> bool:
    return case.path.startswith("/v1/actions/")


def _from_upstream(_case: Case, response: Response) -> bool:
    return response.status_code == 400 and "openai-version" in response.headers


def _about_a_file(case: Case, response: Response) -> bool:
    error = _error(response)
    return _is_door(case) and (
        error.get("code") in _FILE_CODES or " input: give " in error.get("message", "")
    )


def _name_without_file(case: Case, response: Response) -> bool:
    return _is_door(case) and str(_error(response).get("message")).endswith("is given without a file")


def _wants_a_stream(case: Case, response: Response) -> bool:
    return _is_door(case) and _error(response).get("code") == "stream_not_supported"


def _has_two_readings(_case: Case, response: Response) -> bool:
    return _error(response).get("code") == "invalid_path"


def _has_expired(case: Case, response: Response) -> bool:
    return case.path == "/v1/realtime/sessions/validate" and response.status_code == 410


def _two_bodies(case: Case, response: Response) -> bool:
    return case.path == "/v1/proxy" and _error(response).get("code") == "duplicate_parameter"


def _says_too_much(case: Case, _response: Response) -> bool:
    if not _is_door(case) or case.media_type != "application/json":
        return False
    schema = _validator(case.path, case.method, "requestBody", "application/json")
    return bool(schema.is_valid(_without_null(case.body)))


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(part) for name, part in value.items() if part is not None}
    return [_without_null(part) for part in value] if isinstance(value, list) else value


@cache
def _validator(path: str, method: str, part: str, media_type: str) -> Any:
    """The validator of a body, in which no schema but the outermost minds members that it does not name."""
    contract = json.loads(served_document(), object_hook=_open)
    operation = f"#/paths/{_escaped(path)}/{method.lower()}"
    place = f"{operation}/{part}/content/{_escaped(media_type)}/schema"
    return validator_for({"components": contract["components"], "paths": contract["paths"], "$ref": place})


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _open(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if (key, value) != ("additionalProperties", False)}


def _has_known_events(case: Case, response: Response) -> bool:
    if not response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        return False
    lines = response.content.decode().split("\n")
    events = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    schema = _validator(case.path, case.method, "responses/200", "text/event-stream")
    return all(schema.is_valid(json.loads(event)) for event in events if event != "[DONE]")


def _is_hidden_door(case: Case, _response: Response) -> bool:
    shown = case.operation.schema.raw_schema["paths"]
    hidden = (row for row in OPERATIONS.values() if row.method.lower() not in shown.get(row.path, {}))
    sent = case.formatted_path
    return any(re.fullmatch(re.sub(r"\\{.+?\\}", "[^/]+", re.escape(row.path)), sent) for row in hidden)


EXPLAINED = [
    Explained(
        "judged by the upstream",
        frozenset({_REJECTED}),
        _from_upstream,
        "of what fits the contract the upstream refuses what it likes: statuses, ids that are not there",
    ),
    Explained(
        "files",
        frozenset({_REJECTED}),
        _about_a_file,
        "no schema says that a file is needed in one of several members, as base64 or from few hosts",
    ),
    Explained(
        "a name without a file",
        frozenset({_REJECTED}),
        _name_without_file,
        "filename and mime_type may be left out like the file that they are about, but do not come alone",
    ),
    Explained(
        "a stream at a door",
        frozenset({_REJECTED}),
        _wants_a_stream,
        "a door to a JSON operation has the operation's own schema, stream included, and answers once",
    ),
    Explained(
        "a path with two readings",
        frozenset({_REJECTED}),
        _has_two_readings,
        "an id is any string to the document; dot segments and control characters in a path are refused",
    ),
    Explained(
        "the body said twice",
        frozenset({_REJECTED}),
        _two_bodies,
        "the proxy takes the body under three names, for older clients, and one of them at a time",
    ),
    Explained(
        "an expired session",
        frozenset({_REJECTED}),
        _has_expired,
        "whether a session has expired is what the operation is asked, and 410 is the answer that it has",
    ),
    Explained(
        "null, and members within",
        frozenset({_ACCEPTED}),
        _says_too_much,
        "the API reads null as absent wherever a field is optional, and gets new members before its document",
    ),
    Explained(
        "events",
        frozenset({"response_schema_conformance"}),
        _has_known_events,
        "the tool holds an event against the schema of its data; each event's data is held against it here",
    ),
    Explained(
        "doors for Actions alone",
        frozenset({"unsupported_method", "allow_header_conformance"}),
        _is_hidden_door,
        "doors to what sends and reads JSON anyway are in the documents for Actions, not in the whole one",
    ),
]
