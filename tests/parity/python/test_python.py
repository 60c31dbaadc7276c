"""Every method of OpenAI's Python client, through the relay and straight to a sandbox: nothing may differ."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI, OpenAIError

from generated.operations import Operation
from sandbox.server import SandboxServer
from tests import evidence
from tests.parity.python import contract
from tests.parity.python.arguments import takes
from tests.parity.python.calls import Request, arguments_for, learned
from tests.parity.python.resources import Resources
from tests.parity.python.sides import ASYNC, SYNC, Pair, Side, two_sides
from tests.parity.python.surface import NO_REQUEST, PLAIN, VIEWS, find, members
from tests.parity.table import Row, Rows, aligned
from tests.servers import RELAY_KEY, Recorder, answering, recording, relay_over
from tests.surface.contract import UPSTREAM
from tests.told import tell

_KEYS: Any = {"api_key": "any", "admin_api_key": "any"}
MEMBERS = members(OpenAI(**_KEYS))
CALLED = [name for name in MEMBERS if name not in NO_REQUEST]
_BATCH = {"endpoint": "/v1/responses", "completion_window": "24h"}
# What is deleted last was there for all the others: the API makes no new ones of some kinds.
CALLS = sorted(product([SYNC, ASYNC], CALLED), key=lambda call: call[1].endswith("delete"))
# The operations of a method that are never answered with success, each with the reason.
WITHOUT_SUCCESS = {
    # The general method asks for a file that is not there.
    "delete": {"deleteFile"},
}
# By the error that it ends in: what is refused.
REFUSED: dict[type[OpenAIError], tuple[str, dict[str, Any]]] = {
    openai.BadRequestError: ("batches.create", {"input_file_id": "no-such-file", **_BATCH}),
    openai.NotFoundError: ("models.retrieve", {"model": "no-such-model"}),
    openai.PermissionDeniedError: ("models.delete", {"model": "gpt-5.1"}),
}


@pytest.fixture(scope="session")
def pair() -> Iterator[Pair]:
    """OpenAI's client at a sandbox, and at a relay that blocks nothing over another sandbox."""
    with (
        SandboxServer() as direct,
        SandboxServer() as behind,
        relay_over(behind.base_url, relay_blocked_operations=[]) as relay,
        two_sides((direct.base_url, "any"), (f"{relay}/v1", RELAY_KEY)) as made,
    ):
        yield made


@pytest.fixture(scope="session")
def resources(pair: Pair) -> Resources:
    return Resources(pair)


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> Iterator[Rows]:
    """What the methods came to, told when all were called."""
    made: Rows = {}
    yield made
    tell(request.config, "OpenAI's Python client: the same through the relay", aligned(made))


def variants(client: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ways to call a method: each view that has it, without a stream and, where there is one, with it."""
    method = find(client, name)
    assert method is not None
    # `parse` has the argument, and cannot read what it asks for then.
    streamable = "." in name and not name.endswith(".parse") and takes(method, "stream")
    streams = [{}, {"stream": True}] if streamable else [{}]
    yield from ((view, stream) for view in VIEWS if find(client, name, view) for stream in streams)


def row_of(name: str, requests: tuple[Request, ...]) -> Row:
    first = requests[0]
    operation = first.operation
    return Row(name, first.method, first.path, operation.operation_id if operation else None)


def answers(side: Side) -> Iterator[tuple[Operation, int]]:
    """The operation and the status of each exchange that the contract has."""
    for exchange in side.exchanges:
        operation = contract.find(exchange.method, exchange.path, exchange.query)
        if operation is not None:
            yield operation, exchange.status


def keep_evidence(side: Side) -> None:
    for operation, status in answers(side):
        evidence.record(operation.operation_id, "openai-python", status)


def test_both_flavours_of_the_client_have_the_same_members() -> None:
    assert members(AsyncOpenAI(**_KEYS)) == MEMBERS


def test_every_member_is_called_or_has_a_reason_not_to_be() -> None:
    assert len(CALLED) > 300
    assert set(NO_REQUEST) <= set(MEMBERS)
    assert [name for name in CALLED if not learned(name)] == []
    assert set(WITHOUT_SUCCESS) <= set(CALLED)


def test_nearly_every_operation_is_called() -> None:
    """What the contract has for a request is what has to be answered with success."""
    operations = {request.operation for name in CALLED for request in learned(name)} - {None}
    assert len(operations) >= len(UPSTREAM) - 8


@pytest.mark.parametrize("flavour", [SYNC, ASYNC])
def test_another_answer_is_another_outcome(flavour: str) -> None:
    other = Recorder(reply=answering(b'{"object": "list", "data": []}'))
    with (
        SandboxServer() as sandbox,
        recording(other) as base_url,
        two_sides((sandbox.base_url, "any"), (base_url, "any")) as pair,
    ):
        direct, relayed = pair.call(flavour, "models.list", PLAIN, {})
        assert direct != relayed
        assert pair.direct.exchanges != pair.relayed.exchanges


@pytest.mark.parametrize(("flavour", "name"), CALLS, ids=map("-".join, CALLS))
def test_same_through_the_relay(
    flavour: str, name: str, pair: Pair, resources: Resources, rows: Rows
) -> None:
    requests = learned(name)
    client = pair.direct.clients[flavour]
    row = rows.setdefault(name, row_of(name, requests))
    without_success = WITHOUT_SUCCESS.get(name, set())
    changes = any(request.method != "GET" for request in requests)
    for view, stream in variants(client, name):
        arguments = arguments_for(name, client)
        values = resources.of(requests, fresh=changes)
        arguments |= resources.referred(arguments, values) | values | stream
        direct, relayed = pair.call(flavour, name, view, arguments)
        first, second = pair.direct.exchanges, pair.relayed.exchanges
        assert (direct.foreign, relayed.foreign) == (None, None)
        same = (direct, first) == (relayed, second)
        row.add(first[-1].status, second[-1].status if second else 0, same=same)
        keep_evidence(pair.relayed)
        assert (view or PLAIN, stream, first, direct) == (view, stream, second, relayed)
        # Where all is refused on both sides there is no difference either.
        assert {one.operation_id for one, status in answers(pair.relayed) if status >= 300} == without_success


@pytest.mark.parametrize("flavour", [SYNC, ASYNC])
@pytest.mark.parametrize("error", REFUSED, ids=lambda error: error.__name__)
def test_refused_alike(flavour: str, error: type[OpenAIError], pair: Pair) -> None:
    name, arguments = REFUSED[error]
    direct, relayed = pair.call(flavour, name, PLAIN, arguments)
    assert relayed.error[0] == error.__name__
    assert (direct, pair.direct.exchanges) == (relayed, pair.relayed.exchanges)
