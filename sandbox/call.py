"""What an operation is given, and what it may answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.responses import Response

from sandbox.events import EventStream, Streams, delay_of
from sandbox.ids import Ids


@dataclass(frozen=True)
class Call:
    """One request, read whole: ``parameters`` are those of its path."""

    parameters: dict[str, str]
    headers: Headers
    body: bytes
    ids: Ids
    streams: Streams

    def stream(self, frames: Iterable[bytes]) -> EventStream:
        """Return an answer that sends the frames one by one, at the pace the caller asked for."""
        return EventStream(frames, delay=delay_of(self.headers), streams=self.streams)


Operation: TypeAlias = Callable[[Call], Response]
