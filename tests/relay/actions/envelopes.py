"""Requests to `POST /v1/proxy`, as clients write them, and how it refuses."""

import json

from tests.relay.wire import Answer, ask

DOOR = "/v1/proxy"
JSON = "content-type: application/json"


def proxied(root: str, *fields: str, **members: object) -> Answer:
    """The answer to an envelope with these members, sent with more `fields`."""
    return sent(root, json.dumps(members).encode(), *fields)


def sent(root: str, envelope: bytes, *fields: str) -> Answer:
    """The answer to an envelope of these bytes."""
    return ask(root, "POST", DOOR, JSON, *fields, body=envelope)


def told(answer: Answer) -> tuple[int, str, str | None]:
    """Status, code and param of a refusal, which has a message."""
    assert answer.error["message"]
    assert answer.error["type"] == "invalid_request_error"
    return answer.status, answer.error["code"], answer.error["param"]
