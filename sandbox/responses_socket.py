"""``/v1/responses`` as a WebSocket: the events of streamed responses, one response after another."""

import asyncio
import json
from weakref import WeakValueDictionary

from sandbox import client_events, kept_responses, responses
from sandbox.bodies import JsonObject
from sandbox.call import Call
from sandbox.channel import Channel
from sandbox.context import RESPONSES
from sandbox.contract import operations, target
from sandbox.errors import ApiError
from sandbox.ids import Ids
from sandbox.render import valid
from sandbox.session import Opening, Session

MAX_WAITING = 16

_EVENTS = "ResponsesClientEvent"
_LANE = "stream_id"
# What is no field of a request: ``stream`` goes without saying.
_AROUND = ("type", "stream", _LANE)


class ResponsesSession(Session):
    """A connection for responses.

    Each lane, named by ``stream_id``, makes one response at a time, in the order in which they were asked
    for; up to 16 may wait.
    """

    def __init__(self, opening: Opening, channel: Channel) -> None:
        super().__init__(opening, channel)
        self._lanes: WeakValueDictionary[str | None, asyncio.Lock] = WeakValueDictionary()
        self._waiting = 0

    async def answer(self, event: JsonObject) -> None:
        """Make a response, when its lane is free."""
        client_events.schema_of(event, _EVENTS)
        head = target("#/components/schemas/ResponsesClientEventResponseCreate")["allOf"][0]
        if not valid(head, {name: event[name] for name in ("type", _LANE) if event.get(name) is not None}):
            message = "Invalid 'stream_id': expected up to 256 letters, digits, dots, dashes and underscores."
            raise ApiError(400, message, param=_LANE, code="invalid_value")
        if event.get("background"):
            message = "Responses are not made in the background over a WebSocket."
            raise ApiError(400, message, param="background", code="invalid_value")
        if self._waiting >= MAX_WAITING:
            message = f"No more than {MAX_WAITING} responses may be asked for at a time."
            raise ApiError(429, message, code="too_many_responses")
        self._waiting += 1
        self.run(self._respond(event), event)

    async def refuse(self, error: ApiError, event: JsonObject) -> None:
        """Say that an event was refused, in the event that tells the status of HTTP with the error."""
        said = {"type": "error", "status": error.status, "error": error.fields()}
        await self.channel.send({**said, **_lane(event)})

    async def _respond(self, event: JsonObject) -> None:
        try:
            # A lane is forgotten with the last that is in it.
            async with self._lanes.setdefault(event.get(_LANE), asyncio.Lock()):
                await self._play(event)
        finally:
            self._waiting -= 1

    async def _play(self, event: JsonObject) -> None:
        call = self._call({name: value for name, value in event.items() if name not in _AROUND})
        for number, told in enumerate(kept_responses.told(call, responses.made(call))):
            if number:
                await asyncio.sleep(self.opening.delay)
            await self.channel.send({**told, **_lane(event)})

    def _call(self, body: JsonObject) -> Call:
        text = json.dumps(body).encode()
        return Call(
            operation=operations()["createResponse"],
            path=RESPONSES,
            parameters={},
            query=self.opening.query,
            headers=self.opening.headers,
            body=text,
            form=None,
            ids=Ids(f"/v1{RESPONSES}", text),
            sandbox=self.opening.sandbox,
        )


def _lane(event: JsonObject) -> JsonObject:
    name = event.get(_LANE)
    return {_LANE: name} if isinstance(name, str) else {}
