"""uvicorn's cycle of a request and its answer, with an answer written in as few pieces as it is made in."""

import asyncio

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from relay.headers import RawHeaders

_SWITCHING = 101
_BODILESS = (_SWITCHING, 204, 304)


class RelayCycle(RequestResponseCycle):
    """Writes the head together with what follows at once, and looks at each field once (RFC 9112, 6).

    Connections are handed over to it after uvicorn made them, for uvicorn names its own class.
    """

    _head = b""
    bodiless = switched = False

    async def send(self, message: Message) -> None:  # type: ignore[override]  # the same messages, by another name
        """Take the answer's start or a part of its body, as ASGI has them; wait while the client is slow."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self.response_started = True
            if self.waiting_for_100_continue:
                # The client may leave its content out now, or send it (RFC 9110, 10.1.1): nobody can tell.
                self.keep_alive = self.waiting_for_100_continue = False
            self._head = self._made(message["status"], message["headers"])
            if message["status"] == _SWITCHING:
                self.switched = True
                self._flush()  # what follows it is not written here
            else:
                asyncio.get_running_loop().call_soon(self._flush)
        else:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))

    def _made(self, status: int, headers: RawHeaders) -> bytes:
        self.bodiless = self.scope["method"] == "HEAD" or status in _BODILESS
        self.chunked_encoding = not self.bodiless
        self.expected_content_length = 0
        lines = [STATUS_LINE[status]]
        for name, value in headers:
            if name == b"content-length":
                self.chunked_encoding = False
                self.expected_content_length = int(value)
            elif name == b"connection" and value == b"close":
                self.keep_alive = False
                continue
            lines.append(b"%s: %s\r\n" % (name, value))
        if not self.keep_alive and status != _SWITCHING:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding:
            lines.append(b"transfer-encoding: chunked\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            raise ValueError("a header field holds a line break")
        return head + b"\r\n"

    def _flush(self) -> None:
        if self._head and not self.disconnected and not self.transport.is_closing():
            self.transport.write(self._head)
        self._head = b""

    def _go_on(self, body: bytes, *, more: bool) -> None:
        pieces = [self._head] if self._head else []
        self._head = b""
        if self.bodiless:
            self.expected_content_length = 0  # it is the length of what is left out
        elif self.chunked_encoding:
            if body:
                pieces += (b"%x\r\n" % len(body), body, b"\r\n")
            if not more:
                pieces.append(b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise ValueError("the body is longer than its Content-Length")
            if body:
                pieces.append(body)
        if pieces:
            self.transport.writelines(pieces)
        if not more:
            self._complete()

    def _complete(self) -> None:
        if self.expected_content_length:
            raise ValueError("the body is shorter than its Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._close()
        self.on_response()

    def _close(self) -> None:
        # Closed with something unread, a connection is reset, and the answer lost with it (RFC 9112, 9.6).
        if (self.more_body or self.switched) and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
