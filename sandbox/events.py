"""Server-sent events: their framing, the pause between them, and the count of streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from sandbox.bodies import JsonObject
from sandbox.errors import ApiError

DELAY_HEADER = "x-sandbox-delay-ms"
MAX_DELAY_MS = 10_000
DONE = b"data: [DONE]\n\n"


@dataclass
class Streams:
    """How many event streams a sandbox has open, has ended, and gave up because the client went away."""

    open: int = 0
    completed: int = 0
    abandoned: int = 0


class EventStream(StreamingResponse):
    """An answer of ``text/event-stream``, each frame sent on its own as it is made.

    No frame is made after the client went away. ``ended`` is called when all is sent or can no longer be.
    """

    def __init__(self, frames: Iterable[bytes], *, delay: float, streams: Streams) -> None:
        super().__init__(_paced(frames, delay), media_type="text/event-stream")
        self.headers["cache-control"] = "no-cache"
        self.ended: Callable[[], None] = lambda: None
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as far as the client and the faults let it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.ended()

    async def stream_response(self, send: Send) -> None:
        """Send the frames and keep the count."""
        self._streams.open += 1
        try:
            await super().stream_response(send)
        except asyncio.CancelledError:
            self._streams.abandoned += 1
            raise
        else:
            self._streams.completed += 1
        finally:
            self._streams.open -= 1


async def _paced(frames: Iterable[bytes], delay: float) -> AsyncIterator[bytes]:
    pause = False
    for frame in frames:
        if pause:
            # Zero seconds too: the loop gets a turn, in which it sends this frame and notices a disconnect.
            await asyncio.sleep(delay)
        pause = True
        yield frame


def frame(data: JsonObject, event: str | None = None) -> bytes:
    """Return one event; chat completions send no ``event`` line, responses send their type in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {text}\n\n".encode()


def delay_of(headers: Headers) -> float:
    """Return the pause between two events in seconds: what ``x-sandbox-delay-ms`` says, none without it.

    More than 10,000 is taken for 10,000; what is no natural number is a 400.
    """
    given = headers.get(DELAY_HEADER, "0")
    if not (given.isascii() and given.isdigit()):
        raise ApiError(400, f"Invalid header '{DELAY_HEADER}': expected milliseconds.", param=DELAY_HEADER)
    return min(float(given), MAX_DELAY_MS) / 1000
