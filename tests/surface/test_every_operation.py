"""Every operation of the contract, with each media type that it takes, through the relay over the sandbox."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.evidence import record, seen
from tests.servers import PROJECT, RELAY_KEY, relay_over
from tests.surface.contract import UPSTREAM, Described, errors
from tests.surface.driver import Driver
from tests.surface.needs import FIELDS, PATHS
from tests.told import tell

VENDORED = PROJECT / "spec" / "openai.json"
EVENTS = "text/event-stream"
STREAMING = [
    name for name, one in UPSTREAM.items() if any(EVENTS in content for content in one.answers().values())
]
ASKED: dict[str, Any] = {
    "createSpeech": {"stream_format": "sse"},
    "createImage": {"stream": True, "partial_images": 1},
    "createImageEdit": {"stream": True, "partial_images": 1},
    "getResponse": {"query": "stream=true"},
    "beta_getResponse": {"query": "stream=true"},
}
# The document describes these by the event's name and data together, not by the data.
NAMED_EVENTS = {"createRun", "createThreadAndRun", "submitToolOuputsToRun"}
CASES = [(name, media_type) for name, one in UPSTREAM.items() for media_type in one.request_types()]


@pytest.fixture(scope="module")
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with relay_over("sandbox:", relay_blocked_operations=[]) as root:
        headers = {"authorization": f"Bearer {RELAY_KEY}"}
        with httpx.Client(base_url=f"{root}/v1", headers=headers, timeout=30) as client:
            yield Driver(client, FIELDS, PATHS)
    tell(request.config, "the contract", summary())


def summary() -> str:
    """How many operations were answered as the contract says, and which were not."""
    missing = [name for name in UPSTREAM if "contract" not in seen().get(name, [])]
    count = f"{len(UPSTREAM) - len(missing)} of {len(UPSTREAM)} operations of the contract"
    return f"{count} answered through the relay with schema-valid bodies\nnot answered: {missing or 'none'}"


def test_no_operation_of_openais_document_is_left_out() -> None:
    paths = json.loads(VENDORED.read_text())["paths"]
    described = [one for item in paths.values() for one in item.values() if isinstance(one, dict)]
    assert set(UPSTREAM) == {one["operationId"] for one in described}


@pytest.mark.parametrize(("operation_id", "media_type"), CASES)
def test_the_answer_is_what_the_contract_says(driver: Driver, operation_id: str, media_type: str) -> None:
    answer = driver.call(operation_id, media_type)
    judge(UPSTREAM[operation_id], answer)
    record(operation_id, "contract", answer.status_code)


@pytest.mark.parametrize("operation_id", STREAMING)
def test_every_event_of_a_stream_is_what_the_contract_says(driver: Driver, operation_id: str) -> None:
    operation = UPSTREAM[operation_id]
    answer = driver.call(operation_id, **ASKED.get(operation_id, {"stream": True}))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(EVENTS)
    schema = operation.answers()[200][EVENTS]["schema"]
    found = events(answer.text)
    assert len(found) > 1
    for name, data in found:
        event = {"event": name, "data": data} if operation_id in NAMED_EVENTS else data
        assert not errors(schema, event), event


def judge(operation: Described, answer: httpx.Response) -> None:
    assert answer.status_code in operation.answers(), answer.text
    content = operation.answers()[answer.status_code]
    given = answer.headers.get("content-type", "").partition(";")[0]
    if not content:
        return
    assert given in content, (given, list(content))
    if given == "application/json":
        assert not errors(content[given]["schema"], answer.json())
    else:
        assert answer.content


def events(text: str) -> list[tuple[str | None, Any]]:
    """The events of a stream as names and data, without the last one that says that it is done."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if fields["data"] != "[DONE]":
            found.append((fields.get("event"), json.loads(fields["data"])))
    return found
