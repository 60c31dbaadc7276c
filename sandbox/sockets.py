"""WebSockets: who may open one, and the loop that holds it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from sandbox import realtime_socket, responses_socket, translation_socket
from sandbox.call import Sandbox
from sandbox.channel import Channel
from sandbox.edge import check_key, stamped
from sandbox.errors import ApiError
from sandbox.events import delay_of
from sandbox.faults import Fault, fault_of, left_within
from sandbox.ids import Ids
from sandbox.session import Opening, Session

_OURS = "x-sandbox-"
_SESSIONS: Mapping[str, Callable[[Opening, Channel], Session]] = MappingProxyType(
    {
        "/v1/realtime": realtime_socket.RealtimeSession,
        "/v1/realtime/translations": translation_socket.TranslationSession,
        "/v1/responses": responses_socket.ResponsesSession,
    }
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
    query instead.
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
            if fault.delay_ms and await left_within(fault.delay_ms / 1000, receive):
                return
            if error := fault.error():
                raise error
            channel = Channel(socket, fault)
            session = self._session(socket, headers, channel)
        except ApiError as error:
            await socket.send_denial_response(stamped(error.response(), Ids(scope["path"], b"")))
            return
        await self._hold(socket, session, channel)

    def _session(self, socket: WebSocket, headers: Headers, channel: Channel) -> Session:
        path = socket.scope["path"]
        if path not in _SESSIONS:
            message = f"Unknown request URL: GET {path} as a WebSocket. Please check the URL for typos."
            raise ApiError(404, message, code="unknown_url")
        seed = f"{path}?{socket.url.query}"
        ids = Ids(seed, b"").repeated(self._sandbox.store.repeated(seed.encode()))
        opening = Opening(socket.query_params, headers, ids, delay_of(headers), self._sandbox)
        return _SESSIONS[path](opening, channel)

    async def _hold(self, socket: WebSocket, session: Session, channel: Channel) -> None:
        self.count.open += 1
        try:
            await channel.accept(session.opening.ids)
            await session.begin()
            while (message := await socket.receive())["type"] != "websocket.disconnect":
                await session.take(message)
            self.count.ended(message)
        finally:
            self.count.open -= 1
            await session.end()


def _headers(socket: WebSocket) -> Headers:
    said = [(name.lower(), value) for name, value in socket.query_params.multi_items()]
    ours = [(name.encode(), value.encode()) for name, value in said if name.startswith(_OURS)]
    return Headers(raw=[*socket.headers.raw, *ours])
