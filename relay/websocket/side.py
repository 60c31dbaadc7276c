"""One of the two connections of a relayed WebSocket."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from websockets.frames import Close, CloseCode, Opcode

from relay.websocket.frames import Frames, control

if TYPE_CHECKING:
    from relay.websocket.tunnel import Tunnel


class Side(asyncio.Protocol):
    """A connection whose bytes are a WebSocket's from now on.

    `told`: a Close went to it, and nothing follows that. `deaf`: what it sends is not looked at any more.
    `silence`: for how many seconds nothing has come from it; `asked`: whether it was pinged since.
    """

    def __init__(
        self, tunnel: "Tunnel", *, client: bool, reserved: int, limit: int, on_lost: Callable[[], None]
    ) -> None:
        self._tunnel = tunnel
        self._on_lost = on_lost
        self._client = client
        self._pings = 0
        self._unwritten = 0
        self._stuck = False
        self.frames = Frames(masked=client, reserved=reserved, limit=limit, is_own=self._asked_for)
        self.transport: asyncio.Transport
        self.told = self.deaf = self.lost = False
        self.silence = 0
        self.asked = False

    @property
    def said(self) -> bool:
        """Whether its Close came."""
        return self.frames.close is not None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write to `transport` from now on."""
        # uvloop's transports are none by inheritance.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what came."""
        self.silence, self.asked = 0, False
        if not (self.deaf or self.said):
            self._tunnel.pass_on(self, data)

    def pause_writing(self) -> None:
        """Let the other side wait: this one does not read what it gets."""
        self._stuck = True
        self._unwritten = self.transport.get_write_buffer_size()
        self._tunnel.other(self).listen(on=False)

    def resume_writing(self) -> None:
        """Read on at the other side."""
        self._stuck = False
        self._tunnel.other(self).listen(on=True)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Tell the other side, where this one has not."""
        self.lost = True
        self.resume_writing()
        self._tunnel.lost(self)
        self._on_lost()

    # What the tunnel asks for.

    def listen(self, *, on: bool) -> None:
        """Read from it, or let it wait."""
        if self.lost or self.transport.is_closing():
            return
        if on:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def write(self, data: bytes) -> None:
        """Write what the other side sent."""
        if not self.lost:
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

    def see_to_it(self, *, ping_after: int, amid: bool) -> bool:
        """Once a second: ping it when it is silent; whether it is taken for dead."""
        self.silence += 1
        if self._reads_or_waits():
            self.silence = 0
        if self.silence >= ping_after and not (self.asked or self.told or amid):
            self.asked = True
            self._pings += 1
            self.transport.write(control(Opcode.PING, self._mark, masked=not self._client))
        # A second less, so that twice the time is what it takes at the most.
        return self.silence >= 2 * ping_after - 1

    @property
    def _mark(self) -> bytes:
        return b"relay-%d" % self._pings

    def _asked_for(self, pong: bytes) -> bool:
        return self._pings > 0 and pong == self._mark

    def _reads_or_waits(self) -> bool:
        """Whether its silence says nothing: it takes what was written, or is not listened to."""
        waits = self._tunnel.other(self).stuck
        if not self._stuck:
            return waits
        left, self._unwritten = self._unwritten, self.transport.get_write_buffer_size()
        return waits or self._unwritten < left

    @property
    def stuck(self) -> bool:
        """Whether what was written to it waits to be read."""
        return self._stuck


def broken(*, client: bool) -> Close:
    """What the other side of a connection that broke is told (RFC 6455, 7.4.1): 1006 stands in no Close."""
    if client:
        return Close(CloseCode.GOING_AWAY, "the client is gone")
    return Close(CloseCode.INTERNAL_ERROR, "the connection to the upstream broke")
