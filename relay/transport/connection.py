"""One HTTP/1.1 connection to the upstream: bytes out and an answer in, nothing added or taken away."""

import asyncio
import select
from typing import cast

from relay.headers import RawHeaders
from relay.transport.answer import Answer

# What is kept of an answer that its reader is slow to take; beyond it the upstream is paused.
HIGH_WATER = 65_536


class Connection(asyncio.Protocol):
    """Carries one exchange at a time; `idle_since` and `waiting_since` are times of the loop, in seconds.

    Whoever waits here meets TimeoutError when a sweep found it overdue, ConnectionError when the connection
    broke, Malformed for an answer that is no HTTP, and what `fail` was told.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._answer: Answer | None = None
        self._failure: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._writing_paused = False
        self._reading_paused = False
        self._sent = False
        self.closed = False
        self.idle_since = 0.0
        self.waiting_since: float | None = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's transports are none by inheritance.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is under way: whole where the close is what ends the answer, else broken."""
        self.closed = True
        answer = self._answer
        if answer is not None and not answer.complete:
            if exc is None and answer.headed and answer.ended_by_close:
                answer.complete = True
            else:
                self._failure = self._failure or ConnectionError("the connection ended inside the answer")
        self._wake()

    def pause_writing(self) -> None:
        """Make `write` wait."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Let `write` go on."""
        self._writing_paused = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Parse what came; bytes that no request asked for end the connection."""
        answer, transport = self._answer, self._transport
        if answer is None or answer.complete or transport is None:
            self.abort()
            return
        try:
            answer.feed(data)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, its reader is to know
            self.fail(error)
            return
        if answer.switched and not self._reading_paused:
            self._reading_paused = True
            transport.pause_reading()
        if answer.headed and self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
        if answer.size > HIGH_WATER and not self._reading_paused:
            self._reading_paused = True
            transport.pause_reading()

    # What the pool and the transport ask for.

    def begin(self, head: bytes, body: bytes, *, bodiless: bool, more: bool, upgrade: bool) -> None:
        """Send a request's head and the beginning of its body; `more` says that `write` and `sent` follow.

        `bodiless` says that the answer has no body, whatever its head says; `upgrade`, that another protocol
        is offered.
        """
        assert self._transport is not None
        self._answer = Answer(bodiless=bodiless, upgrade=upgrade)
        self._sent = not more
        self._transport.writelines([head, body] if body else [head])

    async def write(self, data: bytes) -> None:
        """Send a part of the body; waits while the upstream takes no more."""
        if self.closed or self._transport is None:
            raise ConnectionError("the connection was closed before the request was sent")
        self._transport.write(data)
        if self._writing_paused:
            self._writer = self._loop.create_future()
            self.waiting_since = self._loop.time()
            try:
                await self._writer
            finally:
                self.waiting_since, self._writer = None, None

    def sent(self) -> None:
        """Say that the request is whole; from here on the upstream's time runs."""
        self._sent = True
        if self._reader is not None:
            self.waiting_since = self._loop.time()

    async def head(self) -> tuple[int, RawHeaders]:
        """Wait for the answer's status and fields."""
        answer = self._answer
        assert answer is not None
        while not answer.headed:
            await self._news()
        return answer.status, answer.fields

    async def read(self) -> bytes:
        """Wait for more of the answer's body and return all that is there; empty at its end."""
        answer = self._answer
        assert answer is not None
        while not answer.chunks:
            if answer.complete:
                return b""
            await self._news()
        if self._reading_paused and self._transport is not None and not self.closed:
            self._reading_paused = False
            self._transport.resume_reading()
        return answer.take()

    def hand_over(self, protocol: asyncio.Protocol) -> bytes:
        """Let `protocol` have the connection that the answer switched; what it has to look at first.

        It is not read from until `protocol` says so. Where it is lost by now, `protocol` is told so next.
        """
        assert self._transport is not None
        assert self._answer is not None
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if self.closed:
            self._loop.call_soon(protocol.connection_lost, None)
        rest, self._answer.rest = self._answer.rest, b""
        return rest

    @property
    def ended(self) -> bool:
        """Whether the answer is whole and read to its end."""
        return self._answer is not None and self._answer.complete and not self._answer.chunks

    @property
    def reusable(self) -> bool:
        """Whether another request may follow: the exchange is whole and both sides keep the connection."""
        answer = self._answer
        kept = self.ended and answer is not None and answer.keep_alive
        return kept and self._sent and not self.closed and not self._writing_paused

    def rest(self) -> None:
        """Become idle: whatever comes now was not asked for."""
        self._answer = None
        self.idle_since = self._loop.time()

    def alive(self) -> bool:
        """Whether an idle connection can still be used: nothing came, not even its end.

        Asks the kernel, for what the event loop has not heard of yet.
        """
        if self.closed or self._transport is None or self._transport.is_closing():
            return False
        if not hasattr(select, "poll"):
            return True  # Windows: what the event loop has heard of has to do
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not self._poll.poll(0)

    def overdue(self) -> None:
        """Fail what waits with TimeoutError, and close."""
        self.fail(TimeoutError("the upstream was silent for too long"))

    def fail(self, failure: Exception) -> None:
        """Raise `failure` in whoever waits, once it has read what came, and close."""
        self._failure = self._failure or failure
        self._wake()
        self.abort()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    async def _news(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.closed:
            raise ConnectionError("the connection is closed")
        self._reader = self._loop.create_future()
        if self._sent:
            self.waiting_since = self._loop.time()
        try:
            await self._reader
        finally:
            self._reader = None
            if self._sent:
                self.waiting_since = None

    def _wake(self) -> None:
        for waiter in (self._reader, self._writer):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
