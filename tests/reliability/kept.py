"""An upstream connection that the relay keeps for its next request, and what happens to it meanwhile."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faulty import Connection, Faulty, misbehaving
from tests.relay.wire import ask
from tests.servers import eventually, relay_over

FIRST = b"first"
FRESH = b"fresh"


def whole(body: bytes, *fields: bytes) -> bytes:
    """An answer of status 200, with its length."""
    lines = [b"HTTP/1.1 200 OK", *fields, b"content-length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


LAST = whole(FRESH, b"connection: close")
POISON = whole(b"poison")


@dataclass
class Kept:
    """A relay that keeps its first upstream connection after a first request, answered with FIRST.

    Every later connection is answered with FRESH, and closed. `discarded` is set when the kept one is at its
    end; `disturbance` is what the upstream does with it once `disturb` is called.
    """

    faulty: Faulty
    disturbance: Callable[["Kept", Connection], Awaitable[None]]
    first: bytes
    root: str = ""
    disturbing: threading.Event = field(default_factory=threading.Event)
    disturbed: threading.Event = field(default_factory=threading.Event)
    discarded: threading.Event = field(default_factory=threading.Event)

    async def serve(self, connection: Connection) -> None:
        """Serve one connection, by its number."""
        kept = self.faulty.connections == 1
        asked = await connection.request()
        last = LAST.removesuffix(FRESH) if asked.startswith(b"HEAD") else LAST
        await connection.say(self.first if kept else last)
        if kept:
            await eventually(self.disturbing.is_set)
            await self.disturbance(self, connection)
            self.disturbed.set()

    def disturb(self) -> None:
        """Let it happen, and return when the relay knows of it."""
        self.disturbing.set()
        assert self.disturbed.wait(10)
        # What had arrived before a request is seen before that request is, or with it.
        for _ in range(2):
            assert ask(self.root, "GET", "/live").status == 200


@contextmanager
def keeping(
    disturbance: Callable[[Kept, Connection], Awaitable[None]],
    first: bytes = whole(FIRST),
    *,
    at_once: bool = False,
    **settings: Any,
) -> Iterator[Kept]:
    """A relay with one kept connection; `at_once` disturbs it without waiting to be told."""
    faulty = Faulty()
    kept = Kept(faulty, disturbance, first)
    faulty.script = kept.serve
    if at_once:
        kept.disturbing.set()
    with misbehaving(faulty), relay_over(faulty.base_url, **settings) as kept.root:
        answer = ask(kept.root, "GET", "/v1/models")
        assert (answer.status, answer.body) == (200, FIRST)
        yield kept
    assert not faulty.failures
