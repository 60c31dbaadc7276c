"""WebSockets by the hundred for minutes: numbered messages go through the relay to an echo and come back.

Both ends are the `websockets` library's. Of ten WebSockets one compresses, and one is quiet for longer than
the relay waits before it pings; the others say something five times a second.
"""

import asyncio
import itertools
import json
import random
import time
from array import array
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.http11 import Request, Response

from relay.serving.descriptors import raise_limit
from tests.reliability.observed import PROGRAM, Observed, Sample
from tests.reliability.stage import SETTINGS
from tests.servers import REAL_KEY, RELAY_KEY, running_relay

CONNECTIONS = 500
INTERVALS = 20
_PATH = "/v1/realtime?model=gpt-realtime"
_EVERY_SECONDS = 0.2
_QUIET_SECONDS = 25.0
_COMPRESSED, _QUIET, _OF = 0, 5, 10
_FRAGMENTED = 7
_SIZES = {20: 30, 200: 30, 1_000: 25, 4_000: 10, 20_000: 5}
_AT_ONCE = 20
_GRACE_SECONDS = 20  # a bound, no measurement
_WORDS = "Grüße, κόσμε, 世界, 🌍. "

Message = str | bytes


@dataclass
class Tally:
    """What became of the messages: `seconds` of each one that came back in its turn, from when it was sent.

    `ended` tells how those WebSockets ended that were not closed with 1000 in the end.
    """

    sent: int = 0
    back: int = 0
    lost: int = 0
    out_of_order: int = 0
    strange: int = 0
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    ended: dict[str, int] = field(default_factory=dict)

    def end(self, how: str) -> None:
        """Count a WebSocket that ended as it should not."""
        self.ended[how] = self.ended.get(how, 0) + 1


@dataclass
class Held:
    """What came of it: the relay at rest before and after, and while the WebSockets were open."""

    before: Sample
    after: Sample
    samples: list[Sample]
    tally: Tally

    @property
    def clean(self) -> bool:
        """Whether every message came back as it should, and nothing was left behind."""
        told = self.tally
        wrong = told.lost or told.out_of_order or told.strange or told.ended
        return not wrong and not self.after.held_over(self.before)


def message(number: int, chance: random.Random) -> Message:
    """A message with its number in it: text where that is even, else binary."""
    (size,) = chance.choices(list(_SIZES), list(_SIZES.values()))
    if number % 2:
        return number.to_bytes(8, "big") + chance.randbytes(size)
    text = (_WORDS * (size // len(_WORDS) + 1))[:size]
    return json.dumps({"type": "message", "number": number, "text": text}, ensure_ascii=False)


class Session:
    """The messages of one WebSocket: those on their way, in order, and those that others have overtaken."""

    def __init__(self, number: int, tally: Tally) -> None:
        self._chance = random.Random(number)  # noqa: S311 - the same messages each time
        self._quiet = number % _OF == _QUIET
        self._tally = tally
        self._under_way: deque[tuple[Message, float]] = deque()
        self._overtaken: list[Message] = []
        self._all_said = False

    @property
    def left(self) -> int:
        """How many messages are not back."""
        return len(self._under_way) + len(self._overtaken)

    async def talk(self, socket: ClientConnection, until: float, looked: asyncio.Event) -> None:
        """Send until a time of the loop, wait for what is on its way and until all was looked at, close."""
        listening = asyncio.create_task(self._listen(socket))
        with suppress(ConnectionClosed):
            await self._say_all(socket, until)
        self._all_said = True
        if self.left:
            await asyncio.wait([listening], timeout=_GRACE_SECONDS)
        await looked.wait()
        await socket.close()
        await listening
        self._tally.lost += self.left
        if socket.close_code != 1000:
            self._tally.end(f"closed with {socket.close_code}")

    async def _say_all(self, socket: ClientConnection, until: float) -> None:
        every = _QUIET_SECONDS if self._quiet else _EVERY_SECONDS
        loop = asyncio.get_running_loop()
        # Not all in the same moment.
        due = loop.time() + self._chance.random() * _EVERY_SECONDS
        for number in itertools.count():
            await asyncio.sleep(min(due, until) - loop.time())
            if due >= until:
                break
            due += every
            said = message(number, self._chance)
            self.sends(said)
            half = len(said) // 2
            await socket.send([said[:half], said[half:]] if number % _FRAGMENTED == 0 else said)

    async def _listen(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for said in socket:
                self.hears(said)
                if self._all_said and not self.left:
                    break

    def sends(self, said: Message) -> None:
        """Count a message that goes."""
        self._tally.sent += 1
        self._under_way.append((said, time.perf_counter()))

    def hears(self, said: Message) -> None:
        """Count a message that came back."""
        self._tally.back += 1
        place = next((place for place, (one, _) in enumerate(self._under_way) if one == said), None)
        if place is not None:
            self._overtaken += [self._under_way.popleft()[0] for _ in range(place)]
            self._tally.seconds.append(time.perf_counter() - self._under_way.popleft()[1])
        elif said in self._overtaken:
            self._overtaken.remove(said)
            self._tally.out_of_order += 1
        else:
            self._tally.strange += 1


async def _echo(socket: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for said in socket:
            await socket.send(said)


def _let_in(socket: ServerConnection, request: Request) -> Response | None:
    shown = request.headers.get("authorization")
    return None if shown == f"Bearer {REAL_KEY}" else socket.respond(HTTPStatus.UNAUTHORIZED, "no")


async def converse(
    connections: int, seconds: float, directory: Path, report: Callable[[Sample], None]
) -> Held:
    """Hold so many WebSockets for so long through `relay serve` in a process of its own."""
    raise_limit()
    tally = Tally()
    async with serve(_echo, "127.0.0.1", 0, process_request=_let_in, ping_interval=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with running_relay(
            "serve",
            directory=directory,
            program=PROGRAM,
            OPENAI_API_BASE=f"http://127.0.0.1:{port}/v1",
            **SETTINGS,
        ) as running:
            observed = Observed(running)
            before = await observed.at_rest(0)
            report(before)
            samples = await _hold(running.root, connections, seconds, tally, observed, report)
            after = await observed.at_rest(tally.back)
            report(after)
    return Held(before, after, samples, tally)


async def _hold(
    root: str,
    connections: int,
    seconds: float,
    tally: Tally,
    observed: Observed,
    report: Callable[[Sample], None],
) -> list[Sample]:
    address, opening = root.replace("http", "ws", 1) + _PATH, asyncio.Semaphore(_AT_ONCE)
    go: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    ready = [asyncio.Event() for _ in range(connections)]
    looked = asyncio.Event()

    async def one(number: int) -> None:
        try:
            async with opening:
                socket = await _opened(address, number)
        except (OSError, WebSocketException) as error:
            tally.end(f"not opened: {error}")
            return
        finally:
            ready[number].set()
        await Session(number, tally).talk(socket, await go, looked)

    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(one(number))
        for event in ready:
            await event.wait()
        start = asyncio.get_running_loop().time()
        go.set_result(start + seconds)
        samples = []
        for number in range(INTERVALS):
            await asyncio.sleep(start + number * seconds / INTERVALS - asyncio.get_running_loop().time())
            samples.append(await observed.look(tally.back))
            report(samples[-1])
        looked.set()
    return samples


async def _opened(address: str, number: int) -> ClientConnection:
    return await connect(
        address,
        additional_headers={"authorization": f"Bearer {RELAY_KEY}"},
        compression="deflate" if number % _OF == _COMPRESSED else None,
        ping_interval=None,
        proxy=None,
    )
