"""Every operation that takes JSON, with one field at a time taken away or given an odd value."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.contract import operations
from sandbox.render import properties, valid
from sandbox.server import SandboxServer
from tests.sandbox.test_resources import FILLED
from tests.surface.contract import UPSTREAM
from tests.surface.driver import Driver
from tests.surface.needs import FIELDS, PATHS

JSON = "application/json"
TAKING = [name for name, one in UPSTREAM.items() if JSON in one.request_types()]
KNOWN = {one.operation_id: one for made in operations().values() for one in (made, *made.variants.values())}
ABSENT = object()
ODD: list[Any] = [
    *(None, True, -1, 1.5, 10**400, "", "x" * 300, "\0"),
    *([], [None], [{}], ["x"], {}, {"id": 1}, {"type": "x"}),
]


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with SandboxServer() as server:
        headers = {"authorization": "Bearer sk-any"}
        with httpx.Client(base_url=server.base_url, headers=headers, timeout=30) as client:
            yield Driver(client, FIELDS, PATHS)


def places(value: Any) -> Iterator[tuple[str | int, ...]]:
    """The way to each field within a value, and to the first two items of each array."""
    inside = (
        value.items() if isinstance(value, dict) else enumerate(value[:2] if isinstance(value, list) else [])
    )
    for name, member in inside:
        yield (name,)
        yield from ((name, *rest) for rest in places(member))


def changed(body: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """`body` with a value at a place, or without that place."""
    other = copy.deepcopy(body)
    within = other
    for step in place[:-1]:
        within = within[step]
    if value is not ABSENT:
        within[place[-1]] = value
    else:
        del within[place[-1]]
    return other


def variants(name: str, body: Any) -> Iterator[Any]:
    yield from ODD
    for place in places(body):
        yield from (changed(body, place, value) for value in [ABSENT, *ODD])
    for field in sorted(properties(KNOWN[name].bodies[JSON]).keys() - dict(body).keys()):
        yield from ({**body, field: value} for value in ODD)


@pytest.mark.parametrize("name", TAKING)
def test_odd_fields_are_answered(driver: Driver, name: str) -> None:
    least = driver.call(name, JSON, **FILLED.get(name, {})).raise_for_status().request
    for body in variants(name, json.loads(least.content)):
        content = json.dumps(body)
        answer = driver.client.request(
            least.method, least.url, content=content, headers={"content-type": JSON}
        )
        assert answer.status_code < 500, content
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}, content
        elif answer.headers.get("content-type") == JSON:
            assert valid(KNOWN[name].answer or {}, answer.json()), content
