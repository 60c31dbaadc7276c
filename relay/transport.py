"""The one file that imports the HTTP client: bytes to the upstream and back, nothing added or taken away.

httpx is the interface (`AsyncBaseTransport`, `Request`, `Response`), aiohttp does the work: its pool gives
back every connection when requests are cancelled under contention, httpx's own does not. `httpx-aiohttp`
is not used: it quotes paths again, merges repeated fields, and calls a dropped connection a timeout.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from relay.errors import RelayError, UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from relay.headers import RawHeaders

CONNECT_TIMEOUT = 10.0
_KEEPALIVE = 15.0
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

_FROM_HTTPX: tuple[tuple[type[Exception], type[RelayError], str], ...] = (
    (httpx.TimeoutException, UpstreamTimeout, "The upstream did not answer in time"),
    (httpx.RemoteProtocolError, UpstreamInvalid, "The upstream's answer was not valid HTTP"),
    (httpx.ConnectError, UpstreamUnreachable, "The upstream could not be reached"),
    (httpx.TransportError, UpstreamUnreachable, "The connection to the upstream broke"),
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


@contextmanager
def upstream_errors() -> Iterator[None]:
    """Raise the relay's own error for whatever the transport raises, with no address or key in it."""
    try:
        yield
    except httpx.TransportError as error:
        for theirs, ours, message in _FROM_HTTPX:
            if isinstance(error, theirs):
                raise ours(message) from error
        raise


def _acknowledge(closed: "asyncio.Future[None]") -> None:
    """Take note of how a connection ended, which asyncio would log as an error when nobody asked."""
    if not closed.cancelled():
        closed.exception()


class _ResponseStream(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, body: "_RequestStream | None") -> None:
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

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _aiohttp_as_httpx():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        if self._closed is not None:
            self._closed.remove_done_callback(self._lost)
        # A connection with an unread answer or a half-sent request has nothing to offer the next one.
        whole = self._response.content.at_eof() and self._response.content.exception() is None
        if whole and (self._body is None or self._body.sent):
            self._response.release()
        else:
            self._response.close()


class _RequestStream(httpx.AsyncByteStream):
    """A body on its way; `deadline` runs while the upstream takes a chunk, not while the client makes one."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks
        self._deadline: asyncio.Timeout | None = None
        self._seconds = 0.0
        self.sent = False

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
        async for chunk in self._chunks:
            self._due(self._seconds)
            yield chunk
            self._due(None)
        self.sent = True


class AiohttpTransport(httpx.AsyncBaseTransport):
    """httpx's transport interface over an aiohttp session that adds, follows and remembers nothing."""

    def __init__(self, read_timeout: float) -> None:
        self._timeout = read_timeout
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE),
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
        """Send `request` once; raises httpx.TransportError.

        Two extensions say what goes out, byte for byte: `target`, the URL, and `fields`, the header fields.
        """
        body = request.stream if isinstance(request.stream, _RequestStream) else None
        fields = CIMultiDict((name.decode(), value.decode()) for name, value in request.extensions["fields"])
        with _aiohttp_as_httpx():
            async with body.taken_within(self._timeout) if body else nullcontext():
                response = await self._session.request(
                    request.method,
                    URL(request.extensions["target"], encoded=True),
                    headers=fields,
                    data=body,
                    allow_redirects=False,
                )
        return httpx.Response(
            response.status, headers=response.raw_headers, stream=_ResponseStream(response, body)
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()


@dataclass(slots=True)
class UpstreamResponse:
    """An answer as it comes: status, raw fields in order, and raw chunks; close it in any case."""

    status: int
    headers: RawHeaders
    _response: httpx.Response

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they arrive, still encoded; raises UpstreamError when they end too early."""
        with upstream_errors():
            assert isinstance(self._response.stream, httpx.AsyncByteStream)
            async for chunk in self._response.stream:
                yield chunk

    async def close(self) -> None:
        """Give the connection back when the answer was read whole, and close it when it was not."""
        await self._response.aclose()


class Upstream:
    """The upstream at `base_url` (`https://host/v1`), reached through one transport."""

    def __init__(self, base_url: str, read_timeout: float) -> None:
        parts = urlsplit(base_url)
        self._base = base_url
        self._url = httpx.URL(f"{parts.scheme}://{parts.netloc}/")
        self._transport: httpx.AsyncBaseTransport = AiohttpTransport(read_timeout)

    async def send(
        self, method: str, target: bytes, headers: RawHeaders, body: AsyncIterable[bytes] | None
    ) -> UpstreamResponse:
        """Send one request and return its answer once its header section is in.

        `target` is path and query below the base, as bytes. Raises UpstreamError.
        """
        request = httpx.Request(
            method,
            self._url,
            stream=_RequestStream(body) if body is not None else None,
            extensions={"target": self._base + target.decode("ascii"), "fields": headers},
        )
        with upstream_errors():
            response = await self._transport.handle_async_request(request)
        return UpstreamResponse(response.status_code, response.headers.raw, response)

    async def close(self) -> None:
        """Close every connection to the upstream."""
        await self._transport.aclose()
        await asyncio.sleep(0)  # aiohttp closes TLS connections on the loop's next turn
