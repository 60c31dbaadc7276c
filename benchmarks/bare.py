"""The least that a relay in Python can do with ready-made parts: an ASGI application and aiohttp's client.

It swaps the key and streams both ways; it checks, logs and limits nothing.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from multidict import CIMultiDict
from starlette.types import Receive, Scope, Send
from yarl import URL

from benchmarks.traffic import REAL_KEY

_REPLACED = {b"host", b"authorization", b"connection", b"transfer-encoding"}
_FRAMING = {b"connection", b"transfer-encoding"}


class BareRelay:
    """Forwards every request and every WebSocket to one upstream."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._forward(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._converse(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._session.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._session is not None
        fields = CIMultiDict(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name not in _REPLACED
        )
        fields["authorization"] = f"Bearer {REAL_KEY}"
        url = URL(self._upstream + scope["path"], encoded=True)
        data = None if scope["method"] == "GET" else _body(receive)
        async with self._session.request(scope["method"], url, headers=fields, data=data) as answer:
            headers = [field for field in answer.raw_headers if field[0].lower() not in _FRAMING]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._session is not None
        url = URL(f"{self._upstream}{scope['path']}?{scope['query_string'].decode()}", encoded=True)
        fields = {"authorization": f"Bearer {REAL_KEY}"}
        await receive()
        async with self._session.ws_connect(url, headers=fields) as upstream:
            await send({"type": "websocket.accept"})
            directions = [
                asyncio.create_task(_frames_up(receive, upstream)),
                asyncio.create_task(_frames_down(upstream, send)),
            ]
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            for direction in directions:
                direction.cancel()


async def _frames_up(receive: Receive, upstream: aiohttp.ClientWebSocketResponse) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        await (upstream.send_bytes(message["bytes"]) if text is None else upstream.send_str(text))


async def _frames_down(upstream: aiohttp.ClientWebSocketResponse, send: Send) -> None:
    async for message in upstream:
        kind = "text" if message.type == aiohttp.WSMsgType.TEXT else "bytes"
        await send({"type": "websocket.send", kind: message.data})


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message: Any = await receive()
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]


app = BareRelay(os.environ.get("BENCHMARK_UPSTREAM", ""))
