"""Doors: JSON in, JSON out, and the operation behind them in between."""

import asyncio

from starlette.types import Receive, Scope, Send

from generated.doors import DOORS
from relay.actions.answers import answer_of, finish
from relay.actions.background import SECONDS, Waiting
from relay.actions.requests import asked
from relay.contract import operation_of
from relay.dispatch import Relay
from relay.telemetry.usage import usage_in


async def serve(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the operation behind the door does, with a file as `openaiFileResponse`; raises RelayError.

    More than 100,000 characters are refused unless RELAY_ACTIONS_LIMIT is off: ResultTooLarge.
    """
    operation = operation_of(scope)
    assert operation is not None
    door, limited = DOORS[operation.operation_id], relay.settings.relay_actions_limit
    end = asyncio.get_running_loop().time() + SECONDS
    with relay.room.share() as share:
        request = await asked(relay, door, scope, receive, share)
        if not (limited or request.waits or door.answers_file or door.encoded[0]):
            await relay.app(request.scope, request.receive, send)
            return
        answer = answer_of(door, request.scope, share, limited=limited)
        await relay.app(request.scope, request.receive, answer.take)
        if request.waits:
            include = request.members.get("include")
            waiting = Waiting(relay, request.scope, request.receive, scope["path"], include, end)
            if await waiting.finish(answer):
                relay.metrics.used(door.wraps, usage_in(bytes(answer.body)))
        await asyncio.to_thread(finish, door, answer, request.scope["path"], limited=limited)
        await answer.send(send, bodiless=scope["method"] == "HEAD")
