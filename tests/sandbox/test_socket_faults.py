import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sandbox.faults import FAULT_HEADER
from sandbox.server import SandboxServer
from tests.sandbox.talk import KEY, MODEL, address, opened
from tests.servers import eventually

PATHS = ["/realtime", "/realtime/translations"]
CREATE = json.dumps({"type": "response.create"})


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No fault is a failure of the server: nothing is logged."""
    yield
    assert not [record for record in caplog.records if record.name != "asyncio" and record.levelno >= 40]


@asynccontextmanager
async def faulty(
    server: SandboxServer, fault: str, path: str = "/realtime"
) -> AsyncIterator[ClientConnection]:
    query = {**MODEL, FAULT_HEADER: fault}
    async with connect(address(server, path, query), additional_headers=KEY) as socket:
        yield socket


async def arrived(socket: ClientConnection) -> list[str]:
    """The events that arrive before the connection ends."""
    async with asyncio.timeout(10):
        return [str(event) async for event in _until_closed(socket)]


async def _until_closed(socket: ClientConnection) -> AsyncIterator[str | bytes]:
    try:
        while True:
            yield await socket.recv()
    except ConnectionClosed:
        pass


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503, 599])
async def test_an_upgrade_is_refused_with_a_status(sandbox: SandboxServer, status: int) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with faulty(sandbox, f"status={status};retry-after=2"):
            pass
    response = caught.value.response
    assert (response.status_code, response.headers["retry-after"]) == (status, "2")
    assert json.loads(response.body or b"")["error"]["code"] == "sandbox_fault"


async def test_a_fault_can_be_asked_for_in_a_header(sandbox: SandboxServer) -> None:
    url = address(sandbox, "/realtime", {"model": "m", FAULT_HEADER: "status=503"})
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, additional_headers={**KEY, FAULT_HEADER: "status=429"})
    assert caught.value.response.status_code == 429


@pytest.mark.parametrize(
    "text", ["", "x", "status=200", "close", "close=0", "close=1005", "close=1006", "close=5000"]
)
async def test_an_unknown_fault_is_refused(sandbox: SandboxServer, text: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with faulty(sandbox, text):
            pass
    error = json.loads(caught.value.response.body or b"")["error"]
    assert (caught.value.response.status_code, error["param"]) == (400, FAULT_HEADER)
    assert "close=CODE" in error["message"]


async def test_a_pause_that_is_no_number_is_refused(sandbox: SandboxServer) -> None:
    url = address(sandbox, "/realtime", {"model": "m", "x-sandbox-delay-ms": "soon"})
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, additional_headers=KEY)
    assert caught.value.response.status_code == 400


async def test_a_delayed_upgrade_lets_others_pass(fresh: SandboxServer) -> None:
    late = asyncio.create_task(_open(fresh, "delay-ms=600000"))
    for _ in range(3):
        async with faulty(fresh, "delay-ms=1") as socket:
            assert json.loads(await socket.recv())["type"] == "session.created"
    assert not late.done()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    async with opened(fresh) as talk:
        await talk.read()


async def _open(server: SandboxServer, fault: str) -> None:
    async with faulty(server, fault):
        pass


@pytest.mark.parametrize("path", PATHS)
async def test_a_stalled_session_says_no_more_than_what_it_is(fresh: SandboxServer, path: str) -> None:
    async with faulty(fresh, "stall", path) as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"
        for _ in range(3):
            await socket.send(CREATE)
        # The sandbox reads on: it has seen the events that this follows.
        await (await socket.ping())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.1)
    await eventually(lambda: fresh.sockets.closed == {1000: 1})


@pytest.mark.parametrize("count", [0, 1, 3, 7])
async def test_a_connection_is_cut_after_so_many_events(fresh: SandboxServer, count: int) -> None:
    async with faulty(fresh, f"cut-after={count}") as socket:
        if count > 1:
            await socket.send(CREATE)
        assert len(await arrived(socket)) == count
        assert (socket.close_code, socket.protocol.close_rcvd) == (1006, None)
    await eventually(lambda: fresh.sockets.lost == 1)


@pytest.mark.parametrize(
    ("fault", "code", "count"),
    [("close=1011", 1011, 1), ("cut-after=0;close=4000", 4000, 0), ("close=1013;cut-after=4", 1013, 4)],
)
async def test_a_connection_is_closed_with_a_code(
    fresh: SandboxServer, fault: str, code: int, count: int
) -> None:
    async with faulty(fresh, fault) as socket:
        if count > 1:
            await socket.send(CREATE)
        assert len(await arrived(socket)) == count
        assert socket.close_code == code
    await eventually(lambda: fresh.sockets.closed == {code: 1})


@pytest.mark.parametrize("path", PATHS)
async def test_every_event_is_malformed(sandbox: SandboxServer, path: str) -> None:
    async with faulty(sandbox, "malformed;cut-after=2", path) as socket:
        await socket.send(CREATE)
        events = await arrived(socket)
    assert len(events) == 2
    for event in events:
        with pytest.raises(json.JSONDecodeError):
            json.loads(event)


async def test_the_pause_lies_between_the_events_of_a_response(sandbox: SandboxServer) -> None:
    async with opened(sandbox, {**MODEL, "x-sandbox-delay-ms": "10000"}) as talk:
        await talk.read()
        # What is no response does not wait.
        await talk.say("x")
        await talk.ask("response.create", "response.created")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(talk.read(), 0.1)


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_client_that_leaves_ends_its_response(
    fresh: SandboxServer, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "asyncio")
    async with opened(fresh, {**MODEL, "x-sandbox-delay-ms": "10000"}) as talk:
        await talk.read()
        await talk.ask("response.create", "response.created")
        if how == "abort":
            talk.socket.transport.abort()
    await eventually(lambda: fresh.sockets.open == 0)
    fresh.close()
    assert fresh._thread is not None
    assert not fresh._thread.is_alive()
    assert not [record for record in caplog.records if "never retrieved" in record.message]
