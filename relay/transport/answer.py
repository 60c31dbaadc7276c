"""One answer of the upstream's, parsed as its bytes come (RFC 9112), by httptools."""

from collections import deque

import httptools

from relay.headers import RawHeaders, value_of

MAX_HEAD_BYTES = 65_536
_INFORMATIONAL = range(100, 200)
_SWITCHING = 101
_BODILESS = frozenset({204, 304})


class Malformed(Exception):
    """What came is no HTTP/1.1 answer, or one that has more than one reading."""


class Answer:
    """An answer as far as it has come: `status` and `fields` once it is `headed`, and `chunks` unread.

    The fields are in order and raw, but for their names, which are in lower case. `bodiless` says that the
    answer to this method has no body (RFC 9110, 9.3.2). `keep_alive` is known once it is `complete`;
    `ended_by_close` says that only the connection's end can complete it. `upgrade` says that another protocol
    was offered (RFC 9110, 7.8): where the answer is that it is `switched` to, `rest` is the beginning of it.
    """

    __slots__ = (
        "_beside",
        "_bodiless",
        "_parser",
        "_upgrade",
        "chunks",
        "complete",
        "ended_by_close",
        "fields",
        "headed",
        "keep_alive",
        "rest",
        "size",
        "status",
        "switched",
    )

    def __init__(self, *, bodiless: bool, upgrade: bool = False) -> None:
        self._bodiless = bodiless
        self._upgrade = upgrade
        self._parser = httptools.HttpResponseParser(self)
        # Bytes since the answer began, or since the last ones of its body.
        self._beside = 0
        self.status = 0
        self.fields: RawHeaders = []
        self.headed = False
        self.complete = False
        self.keep_alive = False
        self.ended_by_close = False
        self.switched = False
        self.rest = b""
        self.chunks: deque[bytes] = deque()
        self.size = 0

    def feed(self, data: bytes) -> None:
        """Parse what came; raises Malformed, never for what follows a whole answer."""
        if self.switched:
            self.rest += data
            return
        self._beside += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self.switched and isinstance(error, httptools.HttpParserUpgrade):
                self.rest = data[error.args[0] :]
                return
            self.keep_alive = False
            if not self.complete:
                raise Malformed(str(error)) from None
        if self._beside > MAX_HEAD_BYTES and not self.complete:
            raise Malformed("the header or trailer section is too large")

    def take(self) -> bytes:
        """All of the body that has come and was not taken yet."""
        chunks = self.chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.size = 0
        return data

    # What httptools calls while it parses.

    def on_message_begin(self) -> None:
        """Note that something follows a whole answer: nobody asked for it."""
        if self.complete:
            self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; trailers are dropped (RFC 9110, 6.5.1)."""
        if not self.headed:
            self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take the head, unless it is an informational one (RFC 9110, 15.2)."""
        if self.headed:
            return
        status = self._parser.get_status_code()
        if status in _INFORMATIONAL:
            if status != _SWITCHING:
                self.fields.clear()
                return
            if not (self._upgrade and self._parser.should_upgrade()):
                raise Malformed("nobody asked for another protocol")
            self.status, self.headed, self.switched = status, True, True
            return
        codings = [value for name, value in self.fields if name == b"transfer-encoding"]
        if codings and b",".join(codings).strip().lower() != b"chunked":
            raise Malformed("a transfer coding besides chunked")
        unframed = not codings and value_of(self.fields, b"content-length") is None
        self.ended_by_close = unframed and status not in _BODILESS
        self.status = status
        self.headed = True
        if self._bodiless:
            self.on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body for its reader."""
        if self.complete:
            self.keep_alive = False
        else:
            self.chunks.append(body)
            self.size += len(body)
            self._beside = 0

    def on_message_complete(self) -> None:
        """End the answer, unless it was an informational one."""
        if self.headed and not (self.complete or self.switched):
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()
