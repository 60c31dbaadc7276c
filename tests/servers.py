"""Real servers for the tests: a relay, and an upstream that records what reached it, each in a thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from relay.app import create_app
from relay.server import server_config
from relay.settings import load_settings

RELAY_KEY = "relay-key-for-tests"
REAL_KEY = "sk-real-key-for-tests"
_STOP_SECONDS = 10


@contextmanager
def serving(config: uvicorn.Config) -> Iterator[str]:
    """Run a server on a free port of loopback; gives `http://127.0.0.1:PORT`."""
    listener = config.bind_socket()
    server = uvicorn.Server(config)
    ended = threading.Event()

    def run() -> None:
        try:
            server.run(sockets=[listener])
        finally:
            ended.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while not server.started and not ended.wait(0.005):
        pass
    assert server.started, "the server did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
        listener.close()
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def relay_over(upstream: str, **settings: Any) -> Iterator[str]:
    """A relay over `upstream` (`http://…/v1` or `sandbox:`), as it is served; gives its root address."""
    given = {
        "openai_api_base": upstream,
        "openai_api_key": REAL_KEY,
        "relay_key": RELAY_KEY,
        "relay_port": 0,
        **settings,
    }
    chosen = load_settings(**given)
    with serving(server_config(create_app(chosen), chosen)) as root:
        yield root


@dataclass
class Seen:
    """One request as it reached the upstream."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]


@dataclass
class Recorder:
    """An upstream that records each request and answers by `reply`, an ASGI application called after the body."""

    seen: list[Seen] = field(default_factory=list)
    reply: ASGIApp | None = None
    left: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        request = Seen(scope["method"], target, list(scope["headers"]))
        more = True
        while more:
            message = await receive()
            request.body += message.get("body", b"")
            more = message.get("more_body", False)
        self.seen.append(request)
        await (self.reply or answering(b'{"ok": true}'))(scope, receive, send)

    async def until_left(self, receive: Receive) -> None:
        """Wait until the relay closes its connection, and set `left`."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()


def answering(
    body: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """An application that answers every request with the same bytes."""
    fields = [(b"content-type", b"application/json")] if headers is None else headers

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        length = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": [*fields, *length]})
        await send({"type": "http.response.body", "body": body})

    return application


@contextmanager
def recording(recorder: Recorder) -> Iterator[str]:
    """Serve `recorder`; gives `http://127.0.0.1:PORT/v1`."""
    config = uvicorn.Config(
        recorder,
        port=0,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        ws="none",
        timeout_graceful_shutdown=1,
    )
    with serving(config) as root:
        yield f"{root}/v1"


async def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Return once `condition` holds; fail when it does not within a bound that is no measurement."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
