"""uvicorn's protocol, nearer to HTTP and to OpenAI's errors, with limits to what a client may hold up."""

import asyncio
from typing import Any

import httptools
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from relay.connection import Connection, extensions
from relay.errors import ClientGone, HeadTooLarge, InvalidHead, RelayError, RequestTimeout, shape
from relay.serving.config import RelayConfig
from relay.serving.cycle import RelayCycle
from relay.websocket.upgrade import Upgrade, extension, is_offer

MAX_HEAD_BYTES = 65_536
_KEEP_ALIVE_SECONDS = 75
# Requests that are read while another runs (pipelining, RFC 9112, 9.3.2), and one.
_QUEUED = 2


class RelayProtocol(HttpToolsProtocol):
    """One client's connection. The end of what a client sends is its departure, as uvicorn has it.

    `deadline`, in seconds of the traffic's clock, is when the client will have been waited for long enough.
    """

    def __init__(self, config: uvicorn.Config, *given: Any, **named: Any) -> None:
        super().__init__(config, *given, **named)
        assert isinstance(config, RelayConfig)
        self.shared = config
        self.traffic = config.traffic
        self.connection = Connection(config.traffic)
        self.running: RequestResponseCycle | None = None
        self.deadline = 0
        # Within a request, and within the head of one: bytes of the head or since the last content, and bytes
        # of the last read.
        self.receiving = self.in_head = False
        self.size = self.read = 0
        # Method, target and version of a request that offers another protocol, until that is declined.
        self.offer: tuple[bytes, ...] = ()
        # What may become a WebSocket: nothing behind its head is HTTP.
        self.upgrade: Upgrade | None = None
        # Bytes of an answer that the client had not read when it was last looked after.
        self.unread = 0

    @property
    def idle(self) -> bool:
        """Whether no request runs."""
        return self.running is None or self.running.response_complete

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request; where there are too many connections, close one that does nothing."""
        super().connection_made(transport)
        self.traffic.connections += 1
        self._wait_for(self.shared.client_seconds)
        if self.traffic.connections > self.traffic.max_connections:
            waiting = (found for found in self.shared.waiting if found.idle)
            longest = next((found for found in waiting if not found.transport.is_closing()), self)
            longest.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End what runs for the client that left; uvicorn tells only the request that came last."""
        super().connection_lost(exc)
        self.traffic.connections -= 1
        self.shared.waiting.pop(self, None)
        if self.running is not None:
            self.running.disconnected = True
        self.connection.interrupt(ClientGone("The client left before the answer was whole"))

    def _wait_for(self, seconds: int) -> None:
        self.deadline = self.traffic.clock + seconds
        self.shared.waiting[self] = None

    def see_to_its_client(self) -> None:
        """Do what is due when the client has sent nothing for too long."""
        if self.traffic.clock <= self.deadline:
            return
        if self.transport.is_closing():
            self.transport.abort()  # the client has not read the rest, and may never do so
        elif self.flow.write_paused:
            self._see_that_it_reads()
        elif self.idle:
            self.transport.close()
            self._wait_for(self.shared.client_seconds)
        elif self.running is not self.cycle or not self._waits_for_content():
            self._wait_for(self.shared.client_seconds)
        else:
            self.close_after_answer()
            seconds = self.shared.client_seconds
            self.connection.interrupt(RequestTimeout(f"No byte of the request came for {seconds} seconds"))
            del self.shared.waiting[self]

    def _waits_for_content(self) -> bool:
        asked = not self.flow.read_paused and not self.cycle.waiting_for_100_continue
        return asked and self.cycle.more_body

    def _see_that_it_reads(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left == self.unread:
            self.transport.abort()
        else:
            self._wait_for(self.shared.reading_seconds)
        self.unread = left

    def pause_writing(self) -> None:
        """Wait until the client has read what is written."""
        super().pause_writing()
        self.unread = self.transport.get_write_buffer_size()
        self._wait_for(self.shared.reading_seconds)

    def resume_writing(self) -> None:
        """Write on."""
        super().resume_writing()
        if not self.receiving and not self.idle:
            self.shared.waiting.pop(self, None)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse a head that does not end, or a trailer section."""
        if self.upgrade is not None:
            self._hold(self.upgrade, data)
            return
        self.read = len(data)
        self.size += self.read
        unparsed = memoryview(data)
        try:
            while unparsed:
                unparsed = self._parsed(unparsed)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        if self.receiving and self.size > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(_too_large())

    def _parsed(self, data: memoryview) -> memoryview:
        """Parse `data`; what is left of it behind a head that offers another protocol (RFC 9110, 7.8)."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self.offer and is_offer(self.offer[0], self.offer[2], self.headers):
                self.upgrade = Upgrade(self)
                self._decline()
                self.close_after_answer()
                self._hold(self.upgrade, bytes(data[offer.args[0] :]))
            elif self.offer:
                self._decline()
                return data[offer.args[0] :]
            else:
                self.close_after_answer()  # CONNECT: the parser has lost what follows
        return data[:0]

    def hand_over(self) -> bool:
        """Leave the connection to another protocol; whether its client has too much left to read."""
        self.shared.waiting.pop(self, None)
        return self.flow.write_paused

    def _hold(self, upgrade: Upgrade, data: bytes) -> None:
        if self.idle:
            return  # the offer was declined, or the WebSocket is closed
        upgrade.early += data
        if len(upgrade.early) > MAX_HEAD_BYTES:
            self.transport.abort()

    def _decline(self) -> None:
        # The parser skips the content behind an offer, and cannot be told that it is not taken up.
        fields = [b"%s: %s\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        head, self.offer = b"%s %s HTTP/%s\r\n" % self.offer + b"".join(fields) + b"\r\n", ()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self.parser.feed_data(head)

    def on_message_begin(self) -> None:
        """Begin a request, the head of which has to be there in time."""
        super().on_message_begin()
        self.receiving = self.in_head = True
        self.size = 0
        self.deadline = self.traffic.clock + self.shared.client_seconds

    def on_headers_complete(self) -> None:
        """Hand the application the fields that are there now, and no trailers (RFC 9110, 6.5.1)."""
        # What was read holds the head, and where it is much, content too: only then is the head measured.
        if self.size + self.read > MAX_HEAD_BYTES and _size(self.url, self.headers) > MAX_HEAD_BYTES:
            raise _too_large()
        self.in_head, self.size = False, 0
        if self.transport.is_closing():
            return  # what came before was the last request
        if self.parser.should_upgrade() and (method := self.parser.get_method()) != b"CONNECT":
            self.offer = method, self.url, self.parser.get_http_version().encode()
            return
        self.deadline = self.traffic.clock + self.shared.client_seconds
        self.scope["headers"] = list(self.headers)
        offered = extension(self.upgrade) if self.upgrade is not None else {}
        self.scope["extensions"] = extensions(self.connection) | offered  # type: ignore[typeddict-item]  # ours
        super().on_headers_complete()
        if self.traffic.draining:
            self.close_after_answer()

    def on_body(self, body: bytes) -> None:
        """Take in content; what comes after an early answer is dropped, and wins no time."""
        if not self.idle:
            self.deadline = self.traffic.clock + self.shared.client_seconds
        self.size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Read on after a whole request, for a departure shows only so; one more may wait, and no third."""
        if self.offer:
            return
        super().on_message_complete()
        self.receiving = False
        if self.idle and not self.cycle.keep_alive:
            self.transport.close()  # all that was left to read has come
        if not self.idle:
            self.shared.waiting.pop(self, None)
        if len(self.pipeline) < _QUEUED:
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.running = cycle
        cycle.__class__ = RelayCycle
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self._ended)
        self.tasks.add(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        # An answer that was cut, on a connection that is not lost yet: the client has something left to read.
        if self.transport.is_closing() and self.parser is not None:
            self._wait_for(self.shared.client_seconds)

    def on_response_complete(self) -> None:
        """Go on with the request that waits, or wait for one; uvicorn would start a timer each time."""
        closing = self.transport.is_closing()
        if not closing:
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
        self.shared.waiting.pop(self, None)  # to the end of the line
        if self.idle or self.receiving:
            within = self.receiving or closing or self.upgrade is not None
            self._wait_for(self.shared.client_seconds if within else _KEEP_ALIVE_SECONDS)

    def close_after_answer(self) -> None:
        """Let the last request so far be this connection's last one (`Connection: close`)."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in OpenAI's shape; there is no request that could be logged."""
        large = self.in_head and _size(self.url, self.headers) > MAX_HEAD_BYTES
        self._refuse(_too_large() if large else InvalidHead(f"{msg} (RFC 9112)"))

    def _refuse(self, error: RelayError) -> None:
        in_content = self.receiving and not self.in_head
        if self.running is not None and not (self.idle or (in_content and self.running is self.cycle)):
            # It is not the running request's fault: that one gets its own answer, which is the last.
            self.pipeline.clear()
            self.running.keep_alive = False
            return
        # Within an answer that has begun, the refusal would be read as a part of it.
        if self.running is None or not in_content or not self.running.response_started:
            body = shape(error)
            fields = (
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[error.kind.status] + fields.encode() + body)
        self.transport.close()


def _size(url: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers)


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(f"The request's head is larger than {MAX_HEAD_BYTES:,} bytes")
