"""A whole relay as an application, without a server before it: as fast as hundreds of thousands need it."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp, Message

from tests.fuzz.allowed import BODIES, allowed
from tests.servers import RELAY_KEY, Recorder


class Relay:
    """A whole relay in a loop of its own, over an upstream at a real socket; counts what became of paths."""

    def __init__(self, app: ASGIApp, recorder: Recorder, runner: asyncio.Runner) -> None:
        self._app = app
        self._runner = runner
        self.recorder = recorder
        self.outcomes = Counter[str]()

    def try_one(self, method: str, path: str) -> None:
        """Send one envelope; fail unless just what may arrive does, and as it was written."""
        found = allowed(method, path)
        envelope: dict[str, Any] = {"method": method, "path": path}
        if found is not None and method == "POST":
            envelope["body"] = BODIES.get(found[0], {})
        self.recorder.seen.clear()
        status = self._runner.run(self._answered(json.dumps(envelope).encode()))
        arrived = [(seen.method, seen.target) for seen in self.recorder.seen]
        assert arrived == ([] if found is None else [(method, found[1])]), (method, path)
        assert status == 200 if found else status in {400, 403}, (status, method, path)
        self.outcomes["let through" if found else f"refused with {status}"] += 1

    def told(self) -> str:
        """What became of the paths."""
        return ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(self.outcomes.items()))

    async def _answered(self, body: bytes) -> int:
        fields = [(b"x-relay-key", RELAY_KEY.encode()), (b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "POST",
            "path": "/v1/proxy",
            "raw_path": b"/v1/proxy",
            "query_string": b"",
            "headers": [*fields, (b"content-length", str(len(body)).encode())],
        }
        statuses: list[int] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self._app(scope, receive, send)
        [status] = statuses
        return status


@contextmanager
def living(app: ASGIApp, runner: asyncio.Runner) -> Iterator[None]:
    """Begin the application's life and end it (ASGI's lifespan)."""
    said: asyncio.Queue[Message] = asyncio.Queue()
    heard: asyncio.Queue[Message] = asyncio.Queue()
    tasks: list[asyncio.Future[None]] = []

    async def tell(what: str) -> None:
        if not tasks:
            life = app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, said.get, heard.put)
            tasks.append(asyncio.ensure_future(life))
        await said.put({"type": f"lifespan.{what}"})
        assert (await heard.get())["type"] == f"lifespan.{what}.complete"

    runner.run(tell("startup"))
    yield
    runner.run(tell("shutdown"))
