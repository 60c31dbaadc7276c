"""A client of the sandbox's WebSockets: every event that it reads is judged by the contract."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from sandbox.server import SandboxServer
from tests.sandbox.conftest import Contract

KEY = {"authorization": "Bearer sk-any"}
MODEL = {"model": "gpt-realtime"}
SECONDS = 10


class Talk:
    """One open WebSocket whose events are of a union of the contract."""

    def __init__(self, socket: ClientConnection, contract: Contract, union: str) -> None:
        self.socket = socket
        self._contract = contract
        self._union = union

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            event = json.loads(await self.socket.recv(decode=True))
        self._contract.judge(self._union, event)
        assert isinstance(event, dict)
        return event

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """The events up to the first of a type."""
        events = [await self.read()]
        while events[-1]["type"] != kind:
            assert events[-1]["type"] != "error", events[-1]
            events.append(await self.read())
        return events

    async def ask(self, kind: str, answer: str, **fields: Any) -> dict[str, Any]:
        """Send an event, and read the one that has to come next."""
        await self.send(kind, **fields)
        event = await self.read()
        assert event["type"] == answer, event
        return event

    async def refused(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send an event that is refused; what the error says."""
        error = (await self.ask(kind, "error", **fields))["error"]
        assert isinstance(error, dict)
        return error

    async def say(self, text: str, **fields: Any) -> dict[str, Any]:
        """Add a text of the user's to the conversation."""
        await self.send("conversation.item.create", item=message(text), **fields)
        return (await self.until("conversation.item.done"))[-1]

    async def respond(self, **fields: Any) -> list[dict[str, Any]]:
        """Ask for a response; its events."""
        await self.send("response.create", response=fields)
        return await self.until("response.done")


def message(text: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}


def address(server: SandboxServer, path: str, query: Mapping[str, str]) -> str:
    base = server.base_url.replace("http://", "ws://")
    return f"{base}{path}?{urlencode(query)}" if query else base + path


@asynccontextmanager
async def opened(
    server: SandboxServer,
    contract: Contract,
    query: Mapping[str, str] = MODEL,
    *,
    path: str = "/realtime",
    union: str = "RealtimeServerEvent",
    headers: Mapping[str, str] = KEY,
    subprotocols: Sequence[str] = (),
) -> AsyncIterator[Talk]:
    """Open a WebSocket, whose events are of a union of the contract."""
    offered = [Subprotocol(name) for name in subprotocols] or None
    url = address(server, path, query)
    async with connect(url, additional_headers=headers, subprotocols=offered, max_size=None) as socket:
        yield Talk(socket, contract, union)


@asynccontextmanager
async def session(
    server: SandboxServer, contract: Contract, query: Mapping[str, str] = MODEL
) -> AsyncIterator[Talk]:
    """Open a realtime session, past its first event."""
    async with opened(server, contract, query) as talk:
        assert (await talk.read())["type"] == "session.created"
        yield talk
