import asyncio
import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from signal import SIGINT, SIGTERM, Signals

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import Frame, Opcode

from sandbox.server import MAX_MESSAGE_BYTES, SandboxServer
from tests.sandbox.talk import KEY, MODEL, Talk, address, opened, session
from tests.sandbox.test_server import COMMAND
from tests.servers import eventually

PAUSED = {**MODEL, "x-sandbox-delay-ms": "10000"}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that a client does is a failure of the server: nothing is logged."""
    yield
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def ended(talk: Talk) -> int | None:
    """Read until the connection has ended; the code that it ended with."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await talk.read()
    return talk.socket.close_code


async def test_closing_cuts_open_websockets(fresh: SandboxServer) -> None:
    async with session(fresh, PAUSED) as talk, session(fresh), session(fresh) as other:
        await talk.ask("response.create", "response.created")
        # One whose client has not yet read what it is told is cut like the others.
        await other.send("input_audio_buffer.commit")
        await asyncio.to_thread(fresh.close)
        assert fresh._thread is not None
        assert not fresh._thread.is_alive()
        for one in (talk, other):
            assert await ended(one) == 1006
    assert (fresh.sockets.open, fresh.sockets.lost) == (0, 3)


async def test_closing_cuts_what_waits_for_its_upgrade(fresh: SandboxServer) -> None:
    url = address(fresh, "/realtime", {**MODEL, "x-sandbox-fault": "delay-ms=600000"})
    waiting = asyncio.create_task(_open(url))
    async with session(fresh):
        pass
    await asyncio.to_thread(fresh.close)
    assert fresh._thread is not None
    assert not fresh._thread.is_alive()
    with pytest.raises(Exception, match="did not receive a valid HTTP response"):
        await waiting


async def _open(url: str) -> None:
    async with connect(url, additional_headers=KEY):
        pass


async def test_closing_while_clients_close_fails_at_nothing() -> None:
    for _ in range(5):
        with SandboxServer() as server:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(10):
                    tasks.create_task(_one_session(server))
                tasks.create_task(asyncio.to_thread(server.close))
        assert server._thread is not None
        assert not server._thread.is_alive()


async def _one_session(server: SandboxServer) -> None:
    # What a client sees of a server that goes away is of no interest here.
    with contextlib.suppress(OSError, EOFError, WebSocketException):
        await _open(address(server, "/realtime", MODEL))


async def test_a_message_comes_in_pieces(sandbox: SandboxServer) -> None:
    text = json.dumps({"type": "session.update", "session": {"type": "realtime", "instructions": "grün"}})
    async with session(sandbox) as talk:
        await talk.socket.send(list(text))
        assert (await talk.read())["session"]["instructions"] == "grün"


async def test_a_large_message_is_taken(sandbox: SandboxServer) -> None:
    async with session(sandbox) as talk:
        audio = "A" * 20_000_000
        await talk.send("input_audio_buffer.append", audio=audio)
        await talk.ask("input_audio_buffer.clear", "input_audio_buffer.cleared")


async def test_a_message_that_is_too_large_closes_with_1009(fresh: SandboxServer) -> None:
    async with session(fresh) as talk:
        # The sandbox may say so before all of it is sent.
        with contextlib.suppress(ConnectionClosed):
            await talk.socket.send("x" * (MAX_MESSAGE_BYTES + 1))
        assert await ended(talk) == 1009
    await eventually(lambda: fresh.sockets.open == 0)


async def test_text_that_is_no_utf8_closes_with_1007(fresh: SandboxServer) -> None:
    async with session(fresh) as talk:
        await talk.socket.send(b"\xff", text=True)
        assert await ended(talk) == 1007
    await eventually(lambda: fresh.sockets.open == 0)


async def test_what_is_no_frame_closes_with_1002(fresh: SandboxServer) -> None:
    async with session(fresh) as talk:
        # A frame of a client has to be masked.
        talk.socket.transport.write(Frame(Opcode.TEXT, b"{}").serialize(mask=False))
        assert await ended(talk) == 1002
    await eventually(lambda: fresh.sockets.open == 0)


async def test_a_client_that_reads_late_is_told_everything(fresh: SandboxServer) -> None:
    query = {**MODEL, "x-sandbox-reply": "word " * 100}
    url = address(fresh, "/realtime", query)
    async with connect(url, additional_headers=KEY, max_queue=1, compression=None) as socket:
        for _ in range(100):
            await socket.send(json.dumps({"type": "response.create", "response": {"conversation": "none"}}))
        kinds: list[str] = []
        while kinds.count("response.done") + kinds.count("error") < 100:
            kinds.append(json.loads(await socket.recv())["type"])
    assert kinds.count("response.done") >= 16
    await eventually(lambda: fresh.sockets.closed == {1000: 1})


async def test_pings_are_answered(sandbox: SandboxServer) -> None:
    async with opened(sandbox) as talk:
        for _ in range(3):
            await (await talk.socket.ping(b"are you there?"))


@pytest.mark.parametrize("signal", [SIGINT, SIGTERM])
async def test_the_foreground_ends_with_open_websockets(signal: Signals) -> None:
    command = [sys.executable, "-W", "error", "-c", COMMAND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220 - it answers at once
        assert process.stdout is not None
        url = process.stdout.readline().strip().replace("http:", "ws:") + "/realtime?model=m"
        async with connect(url + "&x-sandbox-delay-ms=10000", additional_headers=KEY) as socket:
            await socket.send(json.dumps({"type": "response.create"}))
            assert json.loads(await socket.recv())["type"] == "session.created"
            process.send_signal(signal)
            await socket.wait_closed()
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
