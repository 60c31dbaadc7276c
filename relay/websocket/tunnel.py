"""Two connections joined: what one side sends goes to the other, to the end of both."""

import asyncio
from collections.abc import Callable

from websockets.frames import Close, CloseCode

from relay.websocket.frames import Violation
from relay.websocket.limits import Limits
from relay.websocket.side import Side

_LAST_SECONDS = 10
_QUIET_SECONDS = 1


class Tunnel:
    """A WebSocket between a client and the upstream.

    `over` is set when both connections are closed; `tick` is to be called once a second. `reserved` are the
    bits that extensions use, and `on_left` is called when the client's connection is lost. `code` is the
    close code that the relay itself came up with, if it did.
    """

    def __init__(self, limits: Limits, *, reserved: int, on_left: Callable[[], None]) -> None:
        self.client = Side(self, limits, client=True, reserved=reserved, on_lost=on_left)
        self.upstream = Side(self, limits, client=False, reserved=reserved, on_lost=lambda: None)
        self.over = asyncio.Event()
        self.code: int | None = None
        self._ending: int | None = None
        self._quiet = 0

    def begin(self, early: bytes, first: bytes) -> None:
        """Begin with what came before: `early` from the client, and what the upstream sent `first`."""
        for side, data in ((self.upstream, first), (self.client, early)):
            if data:
                side.data_received(data)
        self.upstream.listen()

    def other(self, side: Side) -> Side:
        """The one that `side` is not."""
        return self.upstream if side is self.client else self.client

    def pass_on(self, side: Side, data: bytes) -> None:
        """Give the other side what `side` sent, or tell both what is wrong with it."""
        other = self.other(side)
        self._quiet = 0
        try:
            passed = side.frames.feed(data)
        except Violation as violation:
            self._refuse(side, violation)
            return
        if passed and not other.told:
            other.write(passed)
            other.told = side.said
        if side.said:
            self._close_if_over(side)

    def _refuse(self, side: Side, violation: Violation) -> None:
        other = self.other(side)
        side.deaf = True
        if not other.told:
            other.write(violation.passed)
        self.code = self.code or int(violation.code)
        side.tell(Close(violation.code, violation.reason), amid=not other.frames.whole)
        too_big = violation.code == CloseCode.MESSAGE_TOO_BIG
        close = Close(violation.code, violation.reason) if too_big else broken(client=side is self.client)
        self.end(close)

    def end(self, close: Close) -> None:
        """Say `close` to whoever was not told one, and end soon, whether they answer or not."""
        if self._ending is None:
            self._ending = _LAST_SECONDS
        if not (self.client.told or self.upstream.told):
            self.code = int(close.code)
        for side in (self.client, self.upstream):
            side.tell(close, amid=not self.other(side).frames.whole)
            self._close_if_over(side)

    def _close_if_over(self, side: Side) -> None:
        """Close what has said its Close and was told one; where both have, that is both."""
        if self._ending is None:
            self._ending = _LAST_SECONDS
        other = self.other(side)
        for one in (side, other):
            if one.said and one.told and not one.lost:
                one.transport.close()

    def lost(self, side: Side) -> None:
        """End what `side` has left: without a Close, the other one is told of it."""
        other = self.other(side)
        if not other.lost:
            self.end(broken(client=side is self.client))
        else:
            self.over.set()

    @property
    def clean(self) -> bool:
        """Whether each side has said its Close (RFC 6455, 7.1.4)."""
        return self.client.said and self.upstream.said

    def tick(self, *, draining: bool) -> None:
        """See to silent sides, to an end that takes too long and, while `draining`, to a pause to end in."""
        self._quiet += 1
        if self._ending is not None:
            self._ending -= 1
            if self._ending < 0:
                self.abort()
            return
        for side in (self.client, self.upstream):
            amid = not self.other(side).frames.whole
            if not side.lost and side.see_to_it(amid=amid):
                side.transport.abort()
        whole = self.client.frames.whole and self.upstream.frames.whole
        if draining and whole and self._quiet > _QUIET_SECONDS:
            self.end(restart())

    def abort(self) -> None:
        """Close both connections, whatever is under way."""
        for side in (self.client, self.upstream):
            if not side.lost:
                side.transport.abort()


def broken(*, client: bool) -> Close:
    """What the other side of a connection that broke is told (RFC 6455, 7.4.1): 1006 stands in no Close."""
    if client:
        return Close(CloseCode.GOING_AWAY, "the client is gone")
    return Close(CloseCode.INTERNAL_ERROR, "the connection to the upstream broke")


def restart() -> Close:
    """What the relay says when it ends."""
    return Close(CloseCode.SERVICE_RESTART, "the relay is restarting: connect again")
