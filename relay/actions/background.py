"""Operations that may outlast an Action's time: they work on in the background, and are asked about it."""

import asyncio
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.types import Receive, Scope

from relay.actions.answers import Answer
from relay.actions.inner import inner
from relay.dispatch import Relay
from relay.edit import with_members
from relay.errors import ClientGone, RelayError

SECONDS = 30.0  # of the 45 that an Action has
_PAUSE = 1.0
_WORKING = {"queued", "in_progress"}


def in_background(members: dict[str, Any], body: bytes) -> bytes:
    """`body` with `background` set, unless the client decided otherwise or wants nothing stored."""
    if "background" in members or members.get("store") is False:
        return body
    return with_members(body, {"background": True}, {})


async def waited(relay: Relay, scope: Scope, receive: Receive, answer: Answer, door: str) -> None:
    """Let `answer` be the finished work, or the unfinished with how to ask for it after 30 seconds.

    `scope` is the request that began the work, `door` the path where the client asked for it.
    """
    end = time.monotonic() + SECONDS
    state = answer.json()
    while _is_at_work(state):
        looked = Answer(answer.limit, answer.hint)
        if time.monotonic() + _PAUSE <= end:
            await asyncio.sleep(_PAUSE)
            path = scope["raw_path"] + b"/" + quote(state["id"], safe="").encode()
            await _look(relay, inner(scope, "GET", path, read=True), receive, looked)
        if looked.status != HTTPStatus.OK:  # what is known is still the better answer
            answer.replace({**state, "relay": _how(f"{door}/{state['id']}")})
            return
        answer.body, answer.headers, state = looked.body, looked.headers, looked.json()


async def _look(relay: Relay, scope: Scope, receive: Receive, looked: Answer) -> None:
    try:
        await relay.app(scope, receive, looked.take)
    except ClientGone:
        raise
    except RelayError:
        looked.status = 0


def _is_at_work(state: Any) -> bool:
    return isinstance(state, dict) and state.get("status") in _WORKING and isinstance(state.get("id"), str)


def _how(path: str) -> dict[str, Any]:
    return {
        "poll": {"method": "GET", "path": path, "after_seconds": 5},
        "message": "The model is still at work: ask again until the status is none of queued, in_progress",
    }
