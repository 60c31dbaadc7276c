"""The other transport, over aiohttp's client: `RELAY_TRANSPORT=aiohttp`.

It adds, follows and remembers nothing either, but refuses header values that are not UTF-8.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from urllib.parse import urlsplit

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from relay.headers import RawHeaders
from relay.transport.dial import CONNECT_TIMEOUT
from relay.transport.native import RequestStream, ResponseStream
from relay.transport.pool import KEEP_ALIVE

_MAX_FIELD_BYTES = 65_536
_READ_BUFFER = 65_536
_OWN_FIELDS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

_FROM_AIOHTTP: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.ClientPayloadError, httpx.ReadError),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
    (aiohttp.http_exceptions.HttpProcessingError, httpx.RemoteProtocolError),
    (TimeoutError, httpx.ReadTimeout),
    (OSError, httpx.ReadError),
)


@contextmanager
def _aiohttp_as_httpx() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        for theirs, ours in _FROM_AIOHTTP:
            if isinstance(error, theirs):
                raise ours(str(error)) from error
        raise


def _acknowledge(closed: "asyncio.Future[None]") -> None:
    """Take note of how a connection ended, which asyncio would log as an error when nobody asked."""
    if not closed.cancelled():
        closed.exception()


class _AiohttpStream(ResponseStream):
    def __init__(self, response: aiohttp.ClientResponse, body: "_TimedBody | None") -> None:
        self._response = response
        self._body = body
        protocol = response.connection.protocol if response.connection is not None else None
        self._closed = protocol.closed if protocol is not None else None
        if self._closed is not None:
            # One of these a connection, however many answers it carried.
            self._closed.remove_done_callback(_acknowledge)
            self._closed.add_done_callback(_acknowledge)
            self._closed.add_done_callback(self._lost)

    def _lost(self, _closed: "asyncio.Future[None]") -> None:
        # Where aiohttp closes a connection over bad framing, whoever reads the body would wait for ever.
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection ended inside the body"))

    @property
    def ended(self) -> bool:
        return self._response.content.at_eof() and self._response.content.exception() is None

    async def __anext__(self) -> bytes:
        with _aiohttp_as_httpx():
            chunk = await self._response.content.readany()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        if self._closed is not None:
            self._closed.remove_done_callback(self._lost)
        # A connection with an unread answer or a half-sent request has nothing to offer the next one.
        if self.ended and (self._body is None or self._body.sent):
            self._response.release()
        else:
            self._response.close()


class _TimedBody:
    """A body on its way; `deadline` runs while the upstream takes a chunk, not while the client makes one."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks
        self._deadline: asyncio.Timeout | None = None
        self._seconds = 0.0
        self.sent = False
        self.failure: Exception | None = None

    @asynccontextmanager
    async def taken_within(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError when the upstream takes longer than `seconds` for a chunk."""
        self._seconds = seconds
        async with asyncio.timeout(None) as deadline:
            self._deadline = deadline
            try:
                yield
            finally:
                self._deadline = None

    def _due(self, seconds: float | None) -> None:
        if self._deadline is not None:
            when = None if seconds is None else asyncio.get_running_loop().time() + seconds
            self._deadline.reschedule(when)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                self._due(self._seconds)
                yield chunk
                self._due(None)
        except Exception as error:
            self.failure = error
            raise
        self.sent = True


def _fields(raw: RawHeaders) -> CIMultiDict[str]:
    try:
        return CIMultiDict((name.decode(), value.decode()) for name, value in raw)
    except UnicodeDecodeError:
        raise httpx.LocalProtocolError("aiohttp sends UTF-8 alone") from None


class AiohttpTransport(httpx.AsyncBaseTransport):
    """httpx's transport interface over an aiohttp session that adds, follows and remembers nothing."""

    def __init__(self, base_url: str, read_timeout: float) -> None:
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._timeout = read_timeout
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=read_timeout),
            skip_auto_headers=_OWN_FIELDS,
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
            max_line_size=_MAX_FIELD_BYTES,
            max_field_size=_MAX_FIELD_BYTES,
        )
        # A repeated DELETE answers 404 for what the first one did: repeating is for clients to decide.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public switch

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` once, by the extensions of `NativeTransport`; raises httpx.TransportError."""
        stream = request.stream
        assert isinstance(stream, RequestStream)
        body = _TimedBody(stream) if stream.whole is None else None
        try:
            response = await self._sent(request, stream, body)
        except httpx.TransportError:
            # What the client did to its own body shows as a broken upstream connection.
            if body is not None and body.failure is not None:
                raise body.failure from None
            raise
        fields = [(name.lower(), value) for name, value in response.raw_headers]
        return httpx.Response(
            response.status, stream=_AiohttpStream(response, body), extensions={"fields": fields}
        )

    async def _sent(
        self, request: httpx.Request, stream: RequestStream, body: _TimedBody | None
    ) -> aiohttp.ClientResponse:
        with _aiohttp_as_httpx():
            async with body.taken_within(self._timeout) if body else nullcontext():
                return await self._session.request(
                    request.method,
                    URL(self._origin + request.extensions["target"].decode("ascii"), encoded=True),
                    headers=_fields(request.extensions["fields"]),
                    data=body or stream.whole or None,
                    allow_redirects=False,
                )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()
        await asyncio.sleep(0)  # aiohttp closes TLS connections on the loop's next turn
