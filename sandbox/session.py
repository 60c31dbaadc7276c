"""What the sessions of all WebSockets have in common: events in, events out, errors that close nothing."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.types import Message

from sandbox.bodies import JsonObject, parse_object
from sandbox.call import Sandbox
from sandbox.channel import Channel
from sandbox.errors import ApiError, failure
from sandbox.ids import Ids

ID_LENGTH = 21

_MAX_EVENT_ID = 512
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opening:
    """How a WebSocket was asked for.

    ``headers`` have what the query says in their place. ``ids`` are this session's own. ``delay`` is the
    pause between two events of an answer in seconds.
    """

    query: QueryParams
    headers: Headers
    ids: Ids
    delay: float
    sandbox: Sandbox


class Session(ABC):
    """One session over one WebSocket. A refusal of its ``__init__``, an ``ApiError``, refuses the upgrade."""

    def __init__(self, opening: Opening, channel: Channel) -> None:
        self.opening = opening
        self.channel = channel
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:  # noqa: B027 - most sessions begin by saying something, not all
        """Say what is said first."""

    @abstractmethod
    async def answer(self, event: JsonObject) -> None:
        """Do what a client's event asks for; a refusal is an ``ApiError``."""

    @abstractmethod
    async def refuse(self, error: ApiError, event: JsonObject) -> None:
        """Say that an event, empty where none could be read, was refused."""

    async def take(self, message: Message) -> None:
        """Take one message of the client, and answer it whatever it is."""
        event: JsonObject = {}
        try:
            event = _read(message)
            await self.answer(event)
        except Exception as error:  # noqa: BLE001 - it is logged where it is no refusal
            await self.refuse(_refusal(error), event)

    def run(self, work: Coroutine[Any, Any, None], event: JsonObject) -> None:
        """Do what takes its time beside the events that come meanwhile."""
        task = asyncio.create_task(self._guarded(work, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Give up whatever is still being done."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, work: Coroutine[Any, Any, None], event: JsonObject) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - it is logged where it is no refusal
            await self.refuse(_refusal(error), event)


class RealtimeEvents(Session):
    """A session as those of realtime are: each event has an id, an error has that of the client's event."""

    def __init__(self, opening: Opening, channel: Channel) -> None:
        super().__init__(opening, channel)
        self._made = 0

    async def refuse(self, error: ApiError, event: JsonObject) -> None:
        """Say that an event was refused, in an event of type ``error``."""
        given = event.get("event_id")
        named = given if isinstance(given, str) and len(given) <= _MAX_EVENT_ID else None
        await self.tell({"type": "error", "error": {**error.fields(), "event_id": named}})

    async def tell(self, event: JsonObject) -> None:
        """Send an event, with an id of its own."""
        await self.channel.send({"event_id": self.next().made("event_", ID_LENGTH), **event})

    def next(self) -> Ids:
        """Return ids that nothing else of this session has."""
        self._made += 1
        return self.opening.ids.repeated(self._made)


def _read(message: Message) -> JsonObject:
    text = message.get("text")
    if text is None:
        raise ApiError(400, "Invalid message: expected JSON in a text frame, but got a binary frame.")
    return parse_object(text.encode())


def _refusal(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    _log.error("An event could not be answered.", exc_info=error)
    return failure()
