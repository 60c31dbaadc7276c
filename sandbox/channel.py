"""The way of a session's events to its client, up to where the fault that it asked for breaks it."""

import contextlib
import json

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.bodies import JsonObject
from sandbox.edge import stamped
from sandbox.faults import ABORT, Fault
from sandbox.ids import Ids

SUBPROTOCOL = "realtime"
_NORMAL = 1000


class Channel:
    """One WebSocket as its session sends to it: nothing more once it has ended or its fault has happened."""

    def __init__(self, socket: WebSocket, fault: Fault) -> None:
        self._socket = socket
        self._fault = fault
        self._sent = 0
        self._over = False

    async def accept(self, ids: Ids) -> None:
        """Answer the upgrade; of the subprotocols that are offered ``realtime`` alone is ever selected."""
        offered = self._socket.scope["subprotocols"]
        headers = stamped(Response(), ids).headers
        del headers["content-length"]
        await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None, headers.raw)
        await self._fail()

    async def send(self, event: JsonObject) -> None:
        """Send one event as a text frame, as soon as the client reads."""
        if self._over:
            return
        text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            await self._socket.send_text(text.replace("{", "}", 1) if self._fault.malformed else text)
        except WebSocketDisconnect:
            self._over = True
            return
        self._sent += 1
        await self._fail()

    async def close(self, code: int = _NORMAL) -> None:
        """Send a Close."""
        if self._over:
            return
        self._over = True
        # Where the client has gone there is nothing to close.
        with contextlib.suppress(WebSocketDisconnect):
            await self._socket.close(code)

    async def _fail(self) -> None:
        """Do what the fault says, where so many events were sent."""
        fault = self._fault
        count = 1 if fault.cut_after is None and fault.close is not None else fault.cut_after
        if fault.stall:
            self._over = self._sent > 0
        elif count is not None and self._sent >= count and not self._over:
            if fault.close is not None:
                await self.close(fault.close)
            else:
                self._over = True
                self._socket.scope["extensions"][ABORT]()
