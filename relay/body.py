"""A request's body as it arrives, read by one reader."""

from collections import deque
from collections.abc import AsyncIterator

from starlette.types import Message, Receive

from relay.errors import ClientGone, RequestTooLarge
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
    """The body's chunks, once, up to `limit` bytes.

    Iterating raises ClientGone when the client leaves and RequestTooLarge over the limit. Nothing is read
    ahead, so a slow upstream slows the client down.
    """

    def __init__(self, receive: Receive, headers: RawHeaders, limit: int) -> None:
        if (declared_length(headers) or 0) > limit:
            raise too_large(limit)
        self._receive = receive
        self._limit = limit
        self._size = 0
        self._first: Message | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message, self._first = self._first or await self.message(), None
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def whole(self) -> bytes | None:
        """All of the body where its first part is the last, else None: it is to be iterated."""
        self._first = await self.message()
        if self._first.get("more_body", False):
            return None
        body: bytes = self._first.get("body", b"")
        return body

    async def message(self) -> Message:
        """The next part of the body, as ASGI gives it; raises ClientGone and RequestTooLarge."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("The client left while it sent its request")
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            raise too_large(self._limit)
        return message


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
    read = None
    if not more and size <= limit:
        read = b"".join(message.get("body", b"") for message in messages)
        messages = deque([{"type": "http.request", "body": read, "more_body": False}])

    async def replay() -> Message:
        return messages.popleft() if messages else await receive()

    return read, replay
