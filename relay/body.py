"""A request's body as it arrives, read by one reader."""

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
    for name, value in headers:
        if (name == b"content-length" and value != b"0") or name == b"transfer-encoding":
            return True
    return False


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

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self.message()
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def message(self) -> Message:
        """The next part of the body, as ASGI gives it; raises ClientGone and RequestTooLarge."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("The client left while it sent its request")
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            raise too_large(self._limit)
        return message


class Replay:
    """A `receive` that gives a body again which is there whole, and then goes on with the client's."""

    __slots__ = ("_given", "_receive", "body")

    def __init__(self, body: bytes, receive: Receive) -> None:
        self.body = body
        self._receive = receive
        self._given = False

    async def __call__(self) -> Message:
        """The body, and after it what the client does."""
        if self._given:
            return await self._receive()
        self._given = True
        return {"type": "http.request", "body": self.body, "more_body": False}


async def buffered(
    receive: Receive, headers: RawHeaders, limit: int, refused_over: int
) -> tuple[bytes | None, Receive]:
    """The whole body, None where it has over `limit` bytes, and a `receive` that gives all of it again.

    Raises ClientGone, and RequestTooLarge for a body that is known to have over `refused_over` bytes.
    """
    if isinstance(receive, Replay):
        return (receive.body if len(receive.body) <= limit else None), receive
    if not has_body(headers):
        return b"", Replay(b"", receive)
    if (declared_length(headers) or 0) > limit:
        return None, receive
    body = RequestBody(receive, headers, refused_over)
    messages: list[Message] = []
    size, more = 0, True
    while more and size <= limit:
        messages.append(await body.message())
        size += len(messages[-1].get("body", b""))
        more = messages[-1].get("more_body", False)
    if not more and size <= limit:
        parts = [message.get("body", b"") for message in messages]
        read = parts[0] if len(parts) == 1 else b"".join(parts)
        return read, Replay(read, receive)
    messages.reverse()

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return None, replay
