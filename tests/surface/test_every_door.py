"""Every door, through the relay over the sandbox, with the least that its operation takes."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from generated.doors import DOORS, Door
from generated.operations import OPERATIONS
from relay.contract import placed
from tests.servers import RELAY_KEY, relay_over
from tests.surface.contract import DOCUMENT, UPSTREAM, Described, errors
from tests.surface.driver import Driver
from tests.surface.needs import FIELDS, PATHS

JSON, FORM = "application/json", "multipart/form-data"
FILES = {"$ref": "#/components/schemas/ActionFiles"}


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with relay_over("sandbox:") as root:
        headers = {"authorization": f"Bearer {RELAY_KEY}"}
        with httpx.Client(base_url=f"{root}/v1", headers=headers, timeout=30) as client:
            yield Driver(client, FIELDS, PATHS)


def body_of(driver: Driver, door: Door, operation: Described, path: str) -> Any:
    """The JSON that says what a form, or the JSON, of the operation behind the door would say."""
    if not door.files:
        taken = [name for name in operation.request_types() if name == JSON]
        return driver.body(operation, JSON, path).get("json") if taken else {}
    texts, files = {}, {}
    for name, value in driver.body(operation, FORM, path)["files"]:
        if value[0] is None:
            texts[name] = _value(operation, name, value[1])
        else:
            files[name] = {
                "filename": value[0],
                "mime_type": value[2],
                "data_base64": b64encode(value[1]).decode(),
            }
    for file in door.files:
        if not file.member and file.name in files:
            texts |= files.pop(file.name)
    return {**texts, **files}


def _value(operation: Described, name: str, text: str) -> Any:
    """What a form says as text."""
    form = operation.request_schema(FORM)
    while "$ref" in form:
        form = DOCUMENT["components"]["schemas"][form["$ref"].rpartition("/")[2]]
    return json.loads(text) if errors(form["properties"][name], text) else text


@pytest.mark.parametrize("name", DOORS)
def test_a_door_answers_as_its_operation_does(driver: Driver, name: str) -> None:
    door, behind, shown = DOORS[name], OPERATIONS[DOORS[name].wraps], OPERATIONS[name]
    operation = UPSTREAM[behind.operation_id]
    path = driver.path(operation)
    at = placed(f"/v1{path}".encode(), behind.path, shown.path).decode().removeprefix("/v1")
    body = body_of(driver, door, operation, path) if shown.request_media_types else None
    answer = driver.client.request(shown.method, at, json=body)
    assert answer.status_code in operation.answers(), answer.text
    judge(door, operation, answer)


def judge(door: Door, operation: Described, answer: httpx.Response) -> None:
    content = operation.answers()[answer.status_code]
    if not content:
        return  # the document does not say what comes, if anything
    if door.answers_file:
        assert not errors(FILES, answer.json())
        (file,) = answer.json()["openaiFileResponse"]
        assert b64decode(file["content"], validate=True)
    else:
        value = answer.json()
        if door.encoded[0] and "openaiFileResponse" in value:
            assert not errors(FILES, value)
            del value["openaiFileResponse"]
        assert not errors(content[JSON]["schema"], value)
