"""The usual way to write a relay in Python: FastAPI, httpx, StreamingResponse, with their defaults."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

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
