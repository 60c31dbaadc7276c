"""e. Every door leads through one guard: what is blocked by its id is blocked at each of them."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

import pytest

from generated.operations import OPERATIONS, Operation
from tests.relay.actions.envelopes import DOOR
from tests.reliability.plugin import Figure
from tests.servers import RELAY_KEY, Recorder, recording, relay_over

PROXY = "proxyRequest"
BASES = {variant: found for found in OPERATIONS.values() for _, variant in found.variants}


@dataclass(frozen=True)
class Door:
    """One way to ask for an operation, and the ids that stand for what is asked for."""

    name: str
    method: str
    target: str
    body: bytes
    ids: frozenset[str]
    handled: bool


def _ids(found: Operation) -> frozenset[str]:
    """Its own id, and that of what it is another name or a variant of, or the WebSocket beside."""
    base = BASES.get(found.operation_id, found)
    beside = [other for other in OPERATIONS.values() if found.websocket and other.path == found.path]
    names = {found.operation_id, found.alias_of or base.operation_id}
    return frozenset(names | {other.operation_id for other in beside})


def doors() -> Iterator[Door]:
    """Each operation at its own place, and those of the proxy through it."""
    for name, found in OPERATIONS.items():
        path = re.sub(r"\{[^}]+\}", "x", found.path)
        query = f"?{found.query}" if found.query else ""
        body = b"" if found.method == "GET" else b"{}"
        handled = found.handler is not None
        yield Door(name, found.method, path + query, body, _ids(found), handled)
        if found.proxy:
            envelope = {"method": found.method, "path": path}
            pairs = dict([found.query.split("=")]) if found.query else {}
            content = json.dumps({**envelope, "query": pairs}).encode()
            yield Door(f"{name} by {PROXY}", "POST", DOOR, content, _ids(found) | {PROXY}, handled)


DOORS = list(doors())
NUMBERS = {name: number for number, name in enumerate(OPERATIONS, 1)}
BITS = range(max(NUMBERS.values()).bit_length())


@contextmanager
def connected(root: str) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(root.removeprefix("http://"), timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def refused(connection: HTTPConnection, door: Door) -> bool:
    """Whether a door is answered that it is blocked."""
    fields = {"x-relay-key": RELAY_KEY, **({"content-type": "application/json"} if door.body else {})}
    connection.request(door.method, door.target, door.body or None, fields)
    response = connection.getresponse()
    raw = response.read()
    blocked = b'"code": "operation_blocked"' in raw
    assert not blocked or response.status == 403
    return blocked


@pytest.mark.row("e28")
@pytest.mark.parametrize("bit", BITS)
def test_e28_what_is_blocked_is_blocked_at_every_door_and_nothing_else_is(bit: int, figure: Figure) -> None:
    """Each relay blocks the ids whose number has one bit set: together they tell every id from the others."""
    blocked = {name for name, number in NUMBERS.items() if number >> bit & 1}
    recorder = Recorder()
    with ExitStack() as stack:
        base_url = stack.enter_context(recording(recorder))
        root = stack.enter_context(relay_over(base_url, relay_blocked_operations=sorted(blocked)))
        connection = stack.enter_context(connected(root))
        for door in DOORS:
            recorder.seen.clear()
            expected = not door.ids.isdisjoint(blocked)
            if door.handled and not expected:
                continue  # a handler may take its time where nothing blocks it
            assert refused(connection, door) == expected, door
            assert not (expected and recorder.seen), door
    figure("doors that lead through the one guard", f"{len(DOORS)}, of {len(OPERATIONS)} operations")


@pytest.mark.row("e28")
def test_e28_every_operation_has_a_door_and_another_through_the_proxy_where_it_is_open() -> None:
    assert all(door.ids <= set(OPERATIONS) for door in DOORS)
    proxied = {f"{name} by {PROXY}" for name, found in OPERATIONS.items() if found.proxy}
    assert {door.name for door in DOORS} == set(OPERATIONS) | proxied
