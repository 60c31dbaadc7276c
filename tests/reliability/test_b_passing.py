"""Streams pass as they are made: each piece at once, and no faster than the client reads."""

import asyncio
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faulty import Connection, Faulty, misbehaving
from tests.relay.large import MIB, Memory, Sum, body_of, head_of
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.test_streams import EVERY_KIND, FIRST, LAST
from tests.relay.wire import LAST_CHUNK, Line, ask, chunk, dialled, streaming
from tests.reliability.plugin import Figure
from tests.reliability.stage import SETTINGS, milliseconds, relay_process
from tests.servers import running_relay, settled

PIECES = [EVERY_KIND[at : at + 1] for at in range(len(EVERY_KIND))] + [FIRST] * 300 + [LAST]
STREAMS = 8
EVENT = b"data: " + bytes(range(64, 80)) * 1_000 + b"\n\n"
EVENTS = 2_000
CONTENT = Sum.of(*[EVENT] * EVENTS, LAST)


@pytest.mark.row("b15")
async def test_b15_no_piece_waits_for_the_next_one(tmp_path: Path, figure: Figure) -> None:
    """Each piece is said only after the client has the one before it: single bytes, then events."""
    said: list[float] = []
    read: list[float] = []
    next_one = asyncio.Semaphore(0)
    clock = asyncio.get_running_loop().time

    async def in_step(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + CHUNKED)
        for piece in PIECES:
            said.append(clock())
            await connection.say(chunk(piece))
            await next_one.acquire()
        await connection.say(LAST_CHUNK)

    async with relay_process(in_step, tmp_path) as (_, relay), asyncio.timeout(60):
        host, _, port = relay.root.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(streaming())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        for piece in PIECES:
            assert await reader.readexactly(len(chunk(piece))) == chunk(piece)
            read.append(clock())
            next_one.release()
        assert await reader.readexactly(len(LAST_CHUNK)) == LAST_CHUNK
        writer.close()
    delays = [after - before for before, after in zip(said, read, strict=True)]
    figure("delay of an event on its way through the relay, p50 / p99 / max", milliseconds(delays))


@dataclass
class Flood:
    """An upstream that says events as fast as the relay takes them, 31 MiB a stream."""

    connections: list[Connection] = field(default_factory=list)
    said: int = 0

    async def script(self, connection: Connection) -> None:
        await connection.request()
        self.connections.append(connection)
        await self._say(connection, SSE + CHUNKED)
        for _ in range(EVENTS):
            await self._say(connection, chunk(EVENT))
        await self._say(connection, chunk(LAST) + LAST_CHUNK)

    async def _say(self, connection: Connection, data: bytes) -> None:
        self.said += len(data)
        await connection.say(data)

    def settled(self) -> int:
        """How much the system took, once that has not grown for a while."""
        return settled(lambda: self.said) - sum(connection.unsent for connection in self.connections)


def queued(*roots: str) -> int:
    """The bytes that the system holds for the connections of servers on loopback, in all of their sockets."""
    ports = {int(root.removesuffix("/v1").rpartition(":")[2]) for root in roots}
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if ports & {int(end.partition(":")[2], 16) for end in (local, remote)}:
            found += sum(int(queue, 16) for queue in queues.split(":"))
    return found


def whole(line: Line) -> Sum:
    """What the rest of a stream comes to."""
    with line.socket.makefile("rb") as stream:
        return Sum.of(*body_of(stream, head_of(stream)))


@pytest.mark.row("b13")
@pytest.mark.skipif(sys.platform != "linux", reason="who holds how many bytes is read from Linux's /proc")
@pytest.mark.parametrize("seconds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_b13_a_client_that_hardly_reads_pauses_the_upstream(
    tmp_path: Path, figure: Figure, seconds: int
) -> None:
    flood = Flood()
    faulty = Faulty(flood.script)
    with ExitStack() as stack:
        stack.enter_context(misbehaving(faulty))
        variables = {**SETTINGS, "OPENAI_API_BASE": faulty.base_url}
        relay = stack.enter_context(running_relay("serve", directory=tmp_path, **variables))
        memory = Memory(relay.process.pid)
        with dialled(relay.root, streaming()) as first:
            assert whole(first) == CONTENT
        before, flood.said = memory.begin(), 0
        lines = [stack.enter_context(dialled(relay.root, streaming(), 65_536)) for _ in range(STREAMS)]
        for _ in range(seconds):
            for line in lines:
                assert line.socket.recv(1)
            time.sleep(1)
        taken = flood.settled()
        held = taken - queued(relay.root, faulty.base_url) - STREAMS * seconds
        growth = memory.peak() - before
        figure("held of a stream whose client hardly reads", f"{held / STREAMS / 1024:.0f} KiB")
        figure(f"memory for {STREAMS} such streams", f"+{growth / 1024:.1f} MiB")
        assert taken < STREAMS * CONTENT.size
        assert held <= STREAMS * MIB
        assert growth <= STREAMS * 1024
        assert whole(lines[0]) == CONTENT
        assert ask(relay.root, "GET", "/live").status == 200
