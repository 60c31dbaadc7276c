"""Hundreds of WebSockets that end in every way leave no task, no descriptor and no slot behind."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.faulty import Connection, Faulty, misbehaving_here
from tests.reliability.observed import PROGRAM, Observed
from tests.reliability.stage import SETTINGS
from tests.servers import eventually, running_relay
from tests.websockets import BINARY, CLOSE, MASK, TEXT, Upstream, accept, close, frame, offer, opened

EACH = 12
AT_ONCE = 20
# Seconds after which a client leaves that is told nothing.
PATIENCE = 0.05

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def says_close(connection: Connection) -> None:
    await connection.say(close(1000))
    await connection.rest()


async def leaves(connection: Connection) -> None:
    await connection.exactly(1)


async def resets(connection: Connection) -> None:
    await connection.exactly(1)
    connection.reset()


async def leaves_amid(connection: Connection) -> None:
    await connection.say(frame(BINARY, size=1_000) + bytes(10))
    await connection.exactly(1)


async def errs(connection: Connection) -> None:
    await connection.say(frame(3))
    await connection.rest()


async def hears(connection: Connection) -> None:
    await Upstream().hear(connection)


UPSTREAMS: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "hears": hears,
    "says-close": says_close,
    "leaves": leaves,
    "resets": resets,
    "leaves-amid": leaves_amid,
    "errs": errs,
}


async def serve(connection: Connection) -> None:
    """What the query asks for."""
    head = await connection.head()
    name = head.partition(b"model=")[2].partition(b" ")[0].decode()
    if name == "refuses":
        await connection.say(b"HTTP/1.1 403 No\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
    elif name == "lies":
        await connection.say(accept(b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="))
    elif name != "hangs-up":
        await connection.say(accept(head))
        await UPSTREAMS[name](connection)


CLIENTS: dict[str, list[bytes]] = {
    "closes": [frame(TEXT, b"x", mask=MASK), close(1000, mask=MASK)],
    "leaves": [frame(TEXT, b"x", mask=MASK)],
    "leaves amid": [frame(BINARY, size=1_000, mask=MASK) + bytes(10)],
    "errs": [frame(TEXT, b"\xff", mask=MASK)],
    "errs in closing": [frame(CLOSE, b"\x03", mask=MASK)],
}


async def come_and_go(root: str, model: str, says: list[bytes], number: int) -> None:
    """One WebSocket, or the attempt: the client leaves in one of three ways once it has said its part."""
    host, _, port = root.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            writer.write(offer(f"/v1/realtime?model={model}"))
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"".join(says))
            await (reader.read() if number % 2 else reader.read(1))
    with suppress(OSError):  # the relay may have ended it by then
        if number % 3 == 0:
            reset = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.close()
        await writer.wait_closed()


def fill(root: str) -> None:
    """Open as many WebSockets as there may be at once."""
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(opened(root, target="/v1/realtime?model=hears"))


async def test_every_way_to_end_gives_everything_back(tmp_path: Path) -> None:
    faulty, limit = Faulty(serve), asyncio.Semaphore(AT_ONCE)
    async with misbehaving_here(faulty):
        given = {**SETTINGS, "OPENAI_API_BASE": faulty.base_url, "RELAY_MAX_REQUESTS": str(AT_ONCE)}
        with running_relay("serve", directory=tmp_path, program=PROGRAM, **given) as running:
            observed = Observed(running)
            before = await observed.at_rest(0)

            async def one(model: str, says: list[bytes], number: int) -> None:
                async with limit:
                    await come_and_go(running.root, model, says, number)

            async with asyncio.TaskGroup() as group:
                for model in [*UPSTREAMS, "refuses", "lies", "hangs-up"]:
                    for says in CLIENTS.values():
                        for number in range(EACH):
                            group.create_task(one(model, says, number))
            after = await observed.at_rest(1)
            # As many as there may be: each slot was given back.
            await asyncio.to_thread(fill, running.root)
            await eventually(lambda: faulty.open == 0)
    assert (after.descriptors, after.tasks) == (before.descriptors, before.tasks)
    assert not faulty.failures
    assert not [line for line in running.lines if "Traceback" in line or " bug " in line]
