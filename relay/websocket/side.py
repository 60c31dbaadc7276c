"""One of the two connections of a relayed WebSocket."""

import asyncio
from collections.abc import Callable
from secrets import token_bytes
from typing import TYPE_CHECKING, cast

from websockets.frames import Close, Opcode

from relay.websocket.frames import Frames, control
from relay.websocket.limits import Limits

if TYPE_CHECKING:
    from relay.websocket.tunnel import Tunnel

# Nobody else's ping has the same payload, so that its answer is no one else's.
_MARK_BYTES = 8


class Side(asyncio.Protocol):
    """A connection whose bytes are a WebSocket's from now on.

    `told`: a Close went to it, and nothing follows that. `deaf`: what it sends is not looked at any more.
    `stuck`: what was written to it waits to be read.
    """

    def __init__(
        self, tunnel: "Tunnel", limits: Limits, *, client: bool, reserved: int, on_lost: Callable[[], None]
    ) -> None:
        self._tunnel = tunnel
        self._limits = limits
        self._on_lost = on_lost
        self._client = client
        # For how many seconds nothing has come from it, since it was pinged, and it has read nothing.
        self._silence = self._waited = self._stall = 0
        self._asked = self._behind = False
        self._mark = b""
        self._unread = 0
        self.frames = Frames(masked=client, reserved=reserved, limit=limits.message, is_own=self._asked_for)
        self.transport: asyncio.Transport
        self.told = self.deaf = self.stuck = False
        self.lost = True  # until there is a connection

    @property
    def said(self) -> bool:
        """Whether its Close came."""
        return self.frames.close is not None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write to `transport` from now on."""
        # uvloop's transports are none by inheritance.
        self.transport = cast("asyncio.Transport", transport)
        self.lost = False

    def data_received(self, data: bytes) -> None:
        """Pass on what came."""
        self._silence, self._asked = 0, False
        if self.deaf or self.said or self.lost:
            return
        self._tunnel.pass_on(self, data)
        if self.frames.behind:
            asyncio.get_running_loop().call_soon(self.data_received, b"")
        if self.frames.behind != self._behind:
            self._behind = self.frames.behind
            self.listen()

    def pause_writing(self) -> None:
        """Let the other side wait: this one does not read what it gets."""
        self.stuck = True
        self._unread = self.transport.get_write_buffer_size()
        self._tunnel.other(self).listen()

    def resume_writing(self) -> None:
        """Read on at the other side."""
        self.stuck = False
        self._tunnel.other(self).listen()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Tell the other side, where this one has not."""
        self.lost = True
        self.resume_writing()
        self._tunnel.lost(self)
        self._on_lost()

    # What the tunnel asks for.

    def listen(self) -> None:
        """Read from it, or let it wait where the other side does not read or there is enough to look at."""
        if self.lost or self.transport.is_closing():
            return
        if self._behind or self._tunnel.other(self).stuck:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Write what the other side sent."""
        if not (self.lost or self.transport.is_closing()):
            self.transport.write(data)

    def tell(self, close: Close, *, amid: bool) -> None:
        """Send a Close of the relay's own; `amid` a frame of the other side's there is no place for one."""
        if self.told or self.lost:
            return
        self.told = True
        if amid:
            self.transport.abort()
            return
        self.transport.write(control(Opcode.CLOSE, close.serialize(), masked=not self._client))
        if self.deaf and self.transport.can_write_eof():
            self.transport.write_eof()

    def see_to_it(self, *, amid: bool) -> bool:
        """Once a second: ping it when it is silent; whether it is given up."""
        left, self._unread = self._unread, self.transport.get_write_buffer_size()
        reads = not self.stuck or self._unread < left
        self._stall = 0 if reads else self._stall + 1
        # Its silence says nothing where it is not listened to, or takes what was written.
        heard = self._tunnel.other(self).stuck if not self.stuck else reads
        self._silence = 0 if heard else self._silence + 1
        self._asked = self._asked and not heard
        self._waited = self._waited + 1 if self._asked else 0
        if self._silence >= self._limits.silence and not (self._asked or self.told or amid):
            self._ping()
        # Amid a frame it cannot be asked: both sides may have stopped there.
        unasked = self._silence >= self._limits.silence + self._limits.stall
        silent = self._waited >= self._limits.patience or unasked
        return silent or self._stall >= self._limits.stall

    def _ping(self) -> None:
        self._asked = True
        self._mark = token_bytes(_MARK_BYTES)
        self.transport.write(control(Opcode.PING, self._mark, masked=not self._client))

    def _asked_for(self, pong: bytes) -> bool:
        own = bool(self._mark) and pong == self._mark
        if own:
            self._mark = b""
        return own
