"""Operations that may outlast an Action's time: they work on in the background, and are asked about it."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from starlette.types import Receive, Scope

from generated.doors import DOORS, Door
from relay.actions.answers import Answer
from relay.actions.inner import inner
from relay.body import Replay
from relay.connection import connection_of
from relay.dispatch import Relay
from relay.edit import with_members
from relay.errors import ClientGone, RelayError, ResultTooLarge

SECONDS = 30.0  # of the 45 that an Action has, from the request on
_PAUSE = 1.0
_WORKING = {"queued", "in_progress"}
_STATE_BYTES = 1024 * 1024
_DOORS = {door.wraps: door.operation_id for door in DOORS.values()}


def works_on(relay: Relay, door: Door, members: Mapping[str, Any]) -> bool:
    """Whether the relay is to have it made in the background.

    Not where the client has decided that, wants nothing stored, or would not be let in to ask about it.
    """
    reader = door.polled_by
    if reader not in _DOORS or "background" in members or members.get("store") is False:
        return False
    return not relay.blocks(reader) and not relay.blocks(_DOORS[reader])


def prepared(relay: Relay, body: bytes, members: Mapping[str, Any], *, background: bool) -> bytes:
    """The JSON object `body` with DEFAULT_MODEL where it names no model, made in the `background` or not."""
    missing: dict[str, object] = {} if "prompt" in members else {"model": relay.settings.default_model}
    return with_members(body, missing | ({"background": True} if background else {}), {})


class Waiting:
    """Waits for work that a request began, until `end`, a time of the event loop.

    `scope` is that request, `door` the path where the client asked; `include` is what it wants in the answer.
    """

    def __init__(
        self, relay: Relay, scope: Scope, receive: Receive, door: str, include: Any, end: float
    ) -> None:
        self._relay = relay
        self._scope = scope
        self._receive = Replay(b"", receive)
        self._door = door
        names = include if isinstance(include, list) else []
        self._query = urlencode([("include[]", name) for name in names if isinstance(name, str)])
        self._end = end

    async def finish(self, answer: Answer) -> bool:
        """Let `answer` be the finished work, or the unfinished one with how to ask for it.

        Whether the work ended while it was waited for: then no answer to a POST says what it used.
        """
        waited = False
        while (working := _id_at_work(answer)) is not None:
            path = self._scope["raw_path"].decode("latin-1") + "/" + quote(working, safe="")
            looked = Answer(answer.limit, f"GET {path}", answer.narrowed_by)
            if not await self._look(path, looked):  # what is known is the better answer
                added = {"relay": _how(self._with_query(f"{self._door}/{working}"))}
                answer.body = bytearray(with_members(bytes(answer.body), {}, added))
                return False
            waited = True
            answer.body, answer.headers, answer.at = looked.body, looked.headers, looked.at
        return waited

    async def _look(self, path: str, looked: Answer) -> bool:
        """Whether there was time to ask again, and an answer."""
        loop, connection = asyncio.get_running_loop(), connection_of(self._scope)
        if connection.traffic.draining or loop.time() + _PAUSE > self._end:
            return False
        asked = inner(self._scope, "GET", path.encode(), self._query.encode(), read=True)
        try:
            with connection:
                await asyncio.sleep(_PAUSE)
            async with asyncio.timeout_at(self._end):
                await self._relay.app(asked, self._receive, looked.take)
        except (TimeoutError, RelayError) as error:
            if isinstance(error, ClientGone | ResultTooLarge):
                raise
            return False
        return looked.status == HTTPStatus.OK

    def _with_query(self, path: str) -> str:
        return f"{path}?{self._query}" if self._query else path


def _id_at_work(answer: Answer) -> str | None:
    """The id of what is still worked on; such a state is small."""
    state = answer.json() if len(answer.body) <= _STATE_BYTES else None
    if not isinstance(state, dict) or state.get("status") not in _WORKING:
        return None
    return state["id"] if isinstance(state.get("id"), str) else None


def _how(path: str) -> dict[str, Any]:
    return {
        "poll": {"method": "GET", "path": path, "after_seconds": 5},
        "message": "The model is still at work: ask again until the status is none of queued, in_progress",
    }
