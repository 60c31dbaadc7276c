"""WebSockets: who may open one, the loop that holds it, and what goes wrong with it."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox import realtime_socket
from sandbox.bodies import JsonObject
from sandbox.call import Sandbox
from sandbox.edge import check_key, stamped
from sandbox.errors import ApiError
from sandbox.events import delay_of
from sandbox.faults import ABORT, Fault, fault_of, left_within
from sandbox.ids import Ids
from sandbox.session import Opening, Say, Session

SUBPROTOCOL = "realtime"

_OURS = "x-sandbox-"
_SESSIONS: Mapping[str, Callable[[Opening, Say], Session]] = MappingProxyType(
    {"/v1/realtime": realtime_socket.RealtimeSession}
)
# What can be had over a WebSocket alone.
PATHS = frozenset(_SESSIONS) - {"/v1/responses"}


@dataclass
class SocketCount:
    """How many WebSockets are open, how many ended with which Close code, and how many without a Close."""

    open: int = 0
    closed: Counter[int] = field(default_factory=Counter)
    lost: int = 0

    def ended(self, message: Message) -> None:
        """Take note of the end of one, told by its ``websocket.disconnect``."""
        if "reason" in message:
            self.closed[message["code"]] += 1
        else:
            self.lost += 1


class Sockets:
    """Everything that the sandbox speaks over WebSockets, an ASGI application for that type of scope.

    A browser can send no header field, so each one that begins with ``x-sandbox-`` may be a parameter of the
    query instead. Of the subprotocols that a client offers, ``realtime`` alone is ever selected.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.count = SocketCount()
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold one WebSocket from its upgrade to its end, or refuse the upgrade as a request is refused."""
        socket = WebSocket(scope, receive, send)
        await socket.receive()
        try:
            headers = _headers(socket)
            check_key(headers, scope["subprotocols"])
            fault = fault_of(headers, socket=True) or Fault()
            if await left_within(fault.delay_ms / 1000, receive):
                return
            if error := fault.error():
                raise error
            channel = _Channel(socket, fault)
            session = self._session(socket, headers, channel)
        except ApiError as error:
            await socket.send_denial_response(stamped(error.response(), Ids(scope["path"], b"")))
            return
        await self._hold(socket, session, channel)

    def _session(self, socket: WebSocket, headers: Headers, channel: "_Channel") -> Session:
        path = socket.scope["path"]
        if path not in _SESSIONS:
            message = f"Unknown request URL: GET {path} as a WebSocket. Please check the URL for typos."
            raise ApiError(404, message, code="unknown_url")
        seed = f"{path}?{socket.url.query}"
        ids = Ids(seed, b"").repeated(self._sandbox.store.repeated(seed.encode()))
        opening = Opening(socket.query_params, headers, ids, delay_of(headers), self._sandbox)
        return _SESSIONS[path](opening, channel.send)

    async def _hold(self, socket: WebSocket, session: Session, channel: "_Channel") -> None:
        self.count.open += 1
        try:
            await channel.accept()
            await session.begin()
            while (message := await socket.receive())["type"] != "websocket.disconnect":
                await session.take(message)
            self.count.ended(message)
        except WebSocketDisconnect:
            self.count.lost += 1
        finally:
            self.count.open -= 1
            await session.end()


def _headers(socket: WebSocket) -> Headers:
    said = [(name.lower(), value) for name, value in socket.query_params.multi_items()]
    ours = [(name.encode(), value.encode()) for name, value in said if name.startswith(_OURS)]
    return Headers(raw=[*socket.headers.raw, *ours])


class _Channel:
    """The way of a session's events to its client, up to where it breaks."""

    def __init__(self, socket: WebSocket, fault: Fault) -> None:
        self._socket = socket
        self._fault = fault
        self._sent = 0
        self._over = False

    async def accept(self) -> None:
        """Answer the upgrade."""
        offered = self._socket.scope["subprotocols"]
        await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        await self._fail()

    async def send(self, event: JsonObject) -> None:
        """Send one event as a text frame; nothing where the fault has happened or the client has left."""
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

    async def _fail(self) -> None:
        """Do what the fault says, where so many events were sent."""
        fault = self._fault
        if fault.stall:
            self._over = self._sent > 0
        elif fault.close is not None and self._sent >= (1 if fault.cut_after is None else fault.cut_after):
            self._over = True
            await self._socket.close(fault.close)
        elif fault.close is None and fault.cut_after is not None and self._sent >= fault.cut_after:
            self._over = True
            self._socket.scope["extensions"][ABORT]()
