"""The usual way to write a relay in Python: FastAPI with httpx and websockets, all with their defaults."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.traffic import REAL_KEY

_UPSTREAM = os.environ.get("BENCHMARK_UPSTREAM", "")


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=_UPSTREAM, timeout=None) as client:  # noqa: S113 - streams may rest
        application.state.client = client
        yield


app = FastAPI(lifespan=_lifespan)


@app.api_route("/{path:path}", methods=["GET", "POST", "DELETE"])
async def forward(path: str, request: Request) -> StreamingResponse:
    """Forward one request: its body is read whole, its answer is streamed."""
    client: httpx.AsyncClient = request.app.state.client
    headers = {name: value for name, value in request.headers.items() if name != "host"}
    headers["authorization"] = f"Bearer {REAL_KEY}"
    asked = client.build_request(request.method, f"/{path}", headers=headers, content=await request.body())
    answer = await client.send(asked, stream=True)
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=dict(answer.headers),
        background=BackgroundTask(answer.aclose),
    )


@app.websocket("/{path:path}")
async def converse(path: str, client: WebSocket) -> None:
    """Forward one WebSocket: a task for each direction, until one of them ends."""
    address = f"{_UPSTREAM.replace('http', 'ws', 1)}/{path}?{client.url.query}"
    headers = {"authorization": f"Bearer {REAL_KEY}"}
    async with connect(address, additional_headers=headers, proxy=None) as upstream:
        await client.accept()
        directions = [
            asyncio.create_task(_up(client, upstream)),
            asyncio.create_task(_down(upstream, client)),
        ]
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        for direction in directions:
            direction.cancel()


async def _up(client: WebSocket, upstream: ClientConnection) -> None:
    with suppress(WebSocketDisconnect, ConnectionClosed):
        while True:
            message = await client.receive()
            if message["type"] == "websocket.disconnect":
                break
            text = message.get("text")
            await upstream.send(message["bytes"] if text is None else text)


async def _down(upstream: ClientConnection, client: WebSocket) -> None:
    with suppress(WebSocketDisconnect, ConnectionClosed):
        async for message in upstream:
            await (client.send_text(message) if isinstance(message, str) else client.send_bytes(message))
