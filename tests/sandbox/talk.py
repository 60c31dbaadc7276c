"""A client of the sandbox's WebSockets: every event that it reads is judged by the contract."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from sandbox.server import SandboxServer
from tests.surface.contract import DOCUMENT

KEY = {"authorization": "Bearer sk-any"}
MODEL = {"model": "gpt-realtime"}
SECONDS = 10


def judge(union: str, event: dict[str, Any]) -> None:
    """Judge an event by what a union of the contract says of its type."""
    found = _validator(union, event["type"]).iter_errors(event)
    assert not [f"{error.instance_path}: {error.message}" for error in found], event


@cache
def _validator(union: str, kind: str) -> jsonschema_rs.Validator:
    # By its type alone: to try a whole union on each event would take most of a test's time.
    [schema] = [one for one in DOCUMENT["components"]["schemas"][union]["anyOf"] if kind in _kinds(one)]
    return jsonschema_rs.Draft202012Validator({"allOf": [schema], "components": DOCUMENT["components"]})


def _kinds(schema: dict[str, Any]) -> list[str]:
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    parts = [kind for part in schema.get("allOf", []) for kind in _kinds(part)]
    told: list[str] = schema.get("properties", {}).get("type", {}).get("enum", [])
    return parts + told


class Talk:
    """One open WebSocket whose events are of a union of the contract."""

    def __init__(self, socket: ClientConnection, union: str) -> None:
        self.socket = socket
        self._union = union

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            event = json.loads(await self.socket.recv(decode=True))
        assert isinstance(event, dict)
        judge(self._union, event)
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
        yield Talk(socket, union)


@asynccontextmanager
async def session(server: SandboxServer, query: Mapping[str, str] = MODEL) -> AsyncIterator[Talk]:
    """Open a realtime session, past its first event."""
    async with opened(server, query) as talk:
        assert (await talk.read())["type"] == "session.created"
        yield talk
