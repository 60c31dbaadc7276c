"""Doors: JSON in, JSON out, and the operation behind them in between."""

import asyncio

from starlette.types import Receive, Scope, Send

from generated.doors import DOORS
from relay.actions.answers import answer_of, finish
from relay.actions.background import waited
from relay.actions.requests import asked, most
from relay.contract import operation_of
from relay.dispatch import Relay


async def serve(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the operation behind the door does, with a file as `openaiFileResponse`; raises RelayError.

    More than 100,000 characters are refused unless RELAY_ACTIONS_LIMIT is off: ResultTooLarge.
    """
    operation = operation_of(scope)
    assert operation is not None
    door, limited = DOORS[operation.operation_id], relay.settings.relay_actions_limit
    with relay.room.taken(scope["headers"], most(door)):
        request = await asked(relay, door, scope, receive)
        if not (limited or door.answers_file or door.background):
            await relay.app(request.scope, request.receive, send)
            return
        answer = answer_of(door, limited=limited)
        await relay.app(request.scope, request.receive, answer.take)
    if door.background:
        await waited(relay, request.scope, request.receive, answer, scope["path"])
    await asyncio.to_thread(finish, door, answer, request.scope["path"], limited=limited)
    await answer.send(send, bodiless=scope["method"] == "HEAD")
