"""The same client twice: straight at a sandbox, and at a relay over another one."""

import asyncio
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx2
import openai
from openai import AsyncOpenAI, OpenAI

from relay.access import RELAY_ID_HEADER
from relay.headers import HOP_BY_HOP
from relay.validation import REPORT_HEADER
from tests.parity.python.settled import Outcome, settle
from tests.parity.python.surface import find

_OF_ONE_HOP = {*HOP_BY_HOP, b"date", b"server", RELAY_ID_HEADER, REPORT_HEADER}
_SECONDS = 20  # a bound, no measurement
_MANY = 40

SYNC, ASYNC = "sync", "async"


@dataclass(frozen=True)
class Exchange:
    """One request and the head of its answer, without the fields that belong to one hop or to the relay."""

    method: str
    path: str
    query: str
    status: int
    headers: list[tuple[str, str]]


@dataclass
class Side:
    """Both flavours of the client at one address, and what they exchanged since `exchanges` was cleared."""

    base_url: str
    key: str
    exchanges: list[Exchange] = field(default_factory=list)
    clients: dict[str, Any] = field(init=False)
    plain: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        chosen: Any = {
            "base_url": self.base_url,
            "api_key": self.key,
            "admin_api_key": self.key,
            "max_retries": 0,
            "timeout": _SECONDS,
        }

        async def saw(response: httpx2.Response) -> None:
            self._saw(response)

        http = openai.DefaultHttpxClient(event_hooks={"response": [self._saw]})
        async_http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [saw]})
        self.clients = {
            SYNC: OpenAI(http_client=http, **chosen),
            ASYNC: AsyncOpenAI(http_client=async_http, **chosen),
        }
        self.plain = httpx2.Client(headers={"authorization": f"Bearer {self.key}"}, timeout=_SECONDS)

    def _saw(self, response: httpx2.Response) -> None:
        assert len(self.exchanges) < _MANY, "a helper polls without end"
        request = response.request
        headers = [
            (name.decode(), value.decode("latin-1"))
            for name, value in response.headers.raw
            if name.lower() not in _OF_ONE_HOP
        ]
        path = unquote(request.url.raw_path.decode().partition("?")[0])
        query = request.url.query.decode()
        self.exchanges.append(Exchange(request.method, path, query, response.status_code, headers))

    async def call(self, flavour: str, name: str, view: str, arguments: dict[str, Any]) -> Outcome:
        """What became of one call, awaited and read to its end whatever it returned."""
        self.exchanges.clear()
        method = find(self.clients[flavour], name, view)
        assert method is not None
        with warnings.catch_warnings():
            # A method that is deprecated has to pass through like any other.
            warnings.simplefilter("ignore", DeprecationWarning)
            return await settle(lambda: method(**arguments))

    async def close(self) -> None:
        """Close every connection."""
        self.plain.close()
        self.clients[SYNC].close()
        await self.clients[ASYNC].close()


@contextmanager
def two_sides(direct: tuple[str, str], relayed: tuple[str, str]) -> Iterator["Pair"]:
    """A pair over two (base URL, key), with an event loop of its own for the async clients."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        pair = Pair(Side(*direct), Side(*relayed), runner)
        try:
            yield pair
        finally:
            runner.run(pair.direct.close())
            runner.run(pair.relayed.close())


@dataclass(frozen=True)
class Pair:
    """The two sides, which are always asked the same in the same order."""

    direct: Side
    relayed: Side
    runner: asyncio.Runner

    def call(self, flavour: str, name: str, view: str, arguments: dict[str, Any]) -> tuple[Outcome, Outcome]:
        """What became of one call at either side."""
        first, second = (
            self.runner.run(side.call(flavour, name, view, arguments)) for side in (self.direct, self.relayed)
        )
        return first, second

    def ask(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        """The answer to a bare request, which must be the same at both sides."""
        direct, relayed = (
            side.plain.request(method, side.base_url.removesuffix("/v1") + path, **sent)
            for side in (self.direct, self.relayed)
        )
        assert (direct.status_code, direct.content) == (relayed.status_code, relayed.content), path
        return relayed
