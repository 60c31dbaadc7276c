"""A request's body as it arrives, read by one reader, and the client's departure."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from starlette.types import Message, Receive

from relay.errors import ClientGone, RelayError, RequestTooLarge
from relay.headers import RawHeaders, value_of


def too_large(limit: int) -> RequestTooLarge:
    """The refusal of a body over `limit` bytes."""
    return RequestTooLarge(f"The request body is larger than the {limit:,} bytes that this relay takes")


def declared_length(headers: RawHeaders) -> int | None:
    """Content-Length in bytes, None where it is absent (RFC 9110, 8.6)."""
    value = value_of(headers, b"content-length")
    return int(value) if value is not None and value.isdigit() else None


def has_body(headers: RawHeaders) -> bool:
    """Whether a request carries content: a length over 0 or a transfer coding (RFC 9112, 6)."""
    return bool(declared_length(headers)) or value_of(headers, b"transfer-encoding") is not None


class RequestBody:
    """The body's chunks, once, up to `limit` bytes; `failure` says why it ended early.

    Whoever answers the request sets `answered` before the last byte goes out.

    Iterating raises ClientGone when the client leaves and RequestTooLarge over the limit. Nothing is read
    ahead, so a slow upstream slows the client down.
    """

    def __init__(self, receive: Receive, headers: RawHeaders, limit: int) -> None:
        if (declared_length(headers) or 0) > limit:
            raise too_large(limit)
        self._receive = receive
        self._limit = limit
        self._size = 0
        self._read = asyncio.Event()
        self._first: Message | None = None
        self.failure: RelayError | None = None
        self.answered = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message, self._first = self._first or await self.message(), None
            more = message.get("more_body", False)
            if not more:
                self._read.set()
            if message.get("body"):
                yield message["body"]

    async def whole(self) -> bytes | None:
        """All of the body where its first part is the last, else None: it is to be iterated."""
        self._first = await self.message()
        if self._first.get("more_body", False):
            return None
        self._read.set()
        body: bytes = self._first.get("body", b"")
        return body

    async def message(self) -> Message:
        """The next part of the body, as ASGI gives it; raises ClientGone and RequestTooLarge."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._fail(ClientGone("The client left while it sent its request"))
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            self._fail(too_large(self._limit))
        return message

    def _fail(self, error: RelayError) -> None:
        self.failure = error
        raise error

    async def _departure(self) -> None:
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    @contextmanager
    def client_present(self, *, streamed: bool) -> Iterator[None]:
        """Cancel what runs inside as soon as the client leaves, and raise ClientGone then.

        `streamed` says that the body is being iterated meanwhile: the departure shows there until its end.
        """
        if not streamed:
            self._read.set()
        task = asyncio.current_task()
        assert task is not None
        inside = True
        left = False

        def leave(watcher: asyncio.Task[None]) -> None:
            nonlocal left
            # The server reports a departure after a whole answer too: that one is no news.
            if inside and not self.answered and not watcher.cancelled():
                left = True
                task.cancel()

        watcher = asyncio.ensure_future(self._departure())
        watcher.add_done_callback(leave)
        try:
            yield
        except asyncio.CancelledError:
            if left and task.uncancel() == 0:
                raise ClientGone("The client left before the answer was whole") from None
            raise
        finally:
            inside = False
            watcher.cancel()


async def buffered(
    receive: Receive, headers: RawHeaders, limit: int, refused_over: int
) -> tuple[bytes | None, Receive]:
    """The whole body, None where it has over `limit` bytes, and a `receive` that gives all of it again.

    Raises ClientGone, and RequestTooLarge for a body that is known to have over `refused_over` bytes.
    """
    if (declared_length(headers) or 0) > limit:
        return None, receive
    body = RequestBody(receive, headers, refused_over)
    messages: deque[Message] = deque()
    size, more = 0, has_body(headers)
    while more and size <= limit:
        messages.append(await body.message())
        size += len(messages[-1].get("body", b""))
        more = messages[-1].get("more_body", False)
    read = None if more or size > limit else b"".join(message.get("body", b"") for message in messages)

    async def replay() -> Message:
        return messages.popleft() if messages else await receive()

    return read, replay
