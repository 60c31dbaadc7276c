"""Real servers for the tests: a relay, and an upstream that records what reached it, each in a thread."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from relay.actions.fetch import Fetcher
from relay.app import create_app
from relay.serving.config import RelayConfig
from relay.serving.drain import RelayServer
from relay.serving.server import server_config
from relay.settings import load_settings

RELAY_KEY = "relay-key-for-tests"
REAL_KEY = "sk-real-key-for-tests"
PROJECT = Path(__file__).parents[1]
_STOP_SECONDS = 10
_START_SECONDS = 60


@contextmanager
def serving(config: uvicorn.Config) -> Iterator[str]:
    """Run a server on a free port of loopback; gives `http://127.0.0.1:PORT`."""
    listener = config.bind_socket()
    server = RelayServer(config) if isinstance(config, RelayConfig) else uvicorn.Server(config)
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
def relay_over(upstream: str, fetcher: Fetcher | None = None, /, **settings: Any) -> Iterator[str]:
    """A relay over `upstream` (`http://…/v1` or `sandbox:`), as it is served; gives its root address."""
    given = {
        "openai_api_base": upstream,
        "openai_api_key": REAL_KEY,
        "relay_key": RELAY_KEY,
        "relay_port": 0,
        **settings,
    }
    chosen = load_settings(**given)
    with serving(server_config(create_app(chosen, fetcher), chosen)) as root:
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
    """An upstream that records each whole request and answers by `reply`, an ASGI application.

    `left` is set when the relay leaves before the end of its request, or while `until_left` waits.
    """

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
            if message["type"] == "http.disconnect":
                self.left.set()
                return
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
def recording(recorder: ASGIApp) -> Iterator[str]:
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
        while not condition():  # noqa: ASYNC110 - it waits for a thread's doing, which sets no event of this loop
            await asyncio.sleep(0.005)


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """`eventually`, for tests without an event loop."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def settled(count: Callable[[], int]) -> int:
    """What `count` gives once that has not grown for half a second."""
    before = -1
    while (now := count()) != before:
        before = now
        time.sleep(0.5)
    return now


def exchange(root: str, request: bytes) -> bytes:
    """Send bytes to the server at `root` and return all that it says until it closes the connection."""
    host, _, port = root.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=_STOP_SECONDS) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@dataclass
class Running:
    """A command in a process of its own: its lines so far, both streams together, and where it listens."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    root: str = ""

    def read(self) -> None:
        """Read until the process ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # The relay's own address comes before its upstream's, in either format.
            address = re.search(r"http://[^\s\"/]+", line) if "listening" in line else None
            self.root = self.root or (address[0] if address else "")
            self.lines.append(line.rstrip("\n"))


def environment_of(variables: dict[str, str]) -> dict[str, str]:
    """The environment of a command that is this project's, with these variables besides."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), **variables}


def run_relay(*arguments: str, directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `relay` in `directory` to its end, with `variables` in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "relay", *arguments],
        cwd=directory,
        env=environment_of(variables),
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )


@contextmanager
def running_relay(
    *arguments: str,
    directory: Path,
    program: str = "from relay.commands import main; main()",
    **variables: str,
) -> Iterator[Running]:
    """Run `relay` in `directory` until the block ends; `program` may change it before it starts."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=directory,
        env=environment_of(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        running = Running(process)
        reader = threading.Thread(target=running.read, daemon=True)
        reader.start()
        try:
            until(lambda: bool(running.root) or process.poll() is not None, _START_SECONDS)
            yield running
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join(_STOP_SECONDS)
