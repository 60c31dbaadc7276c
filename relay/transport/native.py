"""httpx's transport interface (`AsyncBaseTransport`, `Request`, `Response`) over connections of our own."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator
from urllib.parse import urlsplit

import httpx

from relay.headers import value_of
from relay.transport.answer import Malformed
from relay.transport.connection import Connection
from relay.transport.pool import Pool

_LAST_CHUNK = b"0\r\n\r\n"
_CONTENT_METHODS = frozenset({"POST", "PUT", "PATCH"})


def _as_httpx(error: Exception) -> httpx.TransportError:
    """What a connection raised, as httpx names it."""
    if isinstance(error, Malformed):
        return httpx.RemoteProtocolError(str(error))
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout(str(error))
    return httpx.ReadError(str(error))


class RequestStream(httpx.AsyncByteStream):
    """A body on its way: `whole` where all of it is there (empty where there is none), else in chunks."""

    def __init__(self, body: bytes | AsyncIterable[bytes]) -> None:
        self.whole = body if isinstance(body, bytes) else None
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if isinstance(self._body, bytes):
            yield self._body
        else:
            async for chunk in self._body:
                yield chunk


class ResponseStream(httpx.AsyncByteStream, ABC):
    """An answer's body as it arrives."""

    def __aiter__(self) -> "ResponseStream":
        return self

    def hand_over(self, protocol: asyncio.Protocol) -> bytes:
        """Let `protocol` have the connection, where the answer was 101; what it has to look at first.

        It is not read from until `protocol` says so. Where it is lost by now, `protocol` is told so next.
        """
        raise httpx.UnsupportedProtocol(f"{type(protocol).__name__} cannot have this connection")

    @abstractmethod
    async def __anext__(self) -> bytes:
        """All that has come by now; raises httpx.TransportError when the body breaks."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether all of the body was given."""


class _NativeStream(ResponseStream):
    """The body on one connection, and the upload beside it that may not be over."""

    def __init__(self, pool: Pool, connection: Connection, upload: "asyncio.Task[None] | None") -> None:
        self._pool = pool
        self._connection = connection
        self._upload = upload

    @property
    def ended(self) -> bool:
        return self._connection.ended

    def hand_over(self, protocol: asyncio.Protocol) -> bytes:
        return self._connection.hand_over(protocol)

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._connection.read()
        except (OSError, Malformed) as error:
            raise _as_httpx(error) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        if self._upload is not None:
            self._upload.cancel()
        self._pool.release(self._connection)


class NativeTransport(httpx.AsyncBaseTransport):
    """httpx's transport interface over the relay's own connections: bytes as they are, one attempt each.

    Extensions of a request say what goes out, byte for byte: `target`, the path and query, and `fields`, the
    header fields; `fields` of a response are those that came. `upgrade` says that another protocol is
    offered, so that the answer may be 101. Nothing is repeated: only a connection that died while it was idle
    is replaced, before anything was sent.
    """

    def __init__(self, base_url: str, read_timeout: float) -> None:
        self._host = urlsplit(base_url).netloc.encode("idna")
        self._pool = Pool(base_url, read_timeout)

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections carry an exchange, and how many are idle."""
        return self._pool.connections

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; raises httpx.TransportError."""
        connection = await self._connected()
        upload = None
        try:
            upload = self._begin(connection, request)
            status, fields = await connection.head()
        except BaseException as error:
            if upload is not None:
                upload.cancel()
            self._pool.release(connection)
            if isinstance(error, OSError | Malformed):
                raise _as_httpx(error) from error
            raise
        stream = _NativeStream(self._pool, connection, upload)
        return httpx.Response(status, stream=stream, extensions={"fields": fields})

    async def _connected(self) -> Connection:
        try:
            return await self._pool.acquire()
        except TimeoutError as error:
            raise httpx.ConnectTimeout("connecting took too long") from error
        except OSError as error:
            raise httpx.ConnectError("no connection") from error

    def _begin(self, connection: Connection, request: httpx.Request) -> "asyncio.Task[None] | None":
        fields, stream = request.extensions["fields"], request.stream
        assert isinstance(stream, RequestStream)
        start = (request.method.encode(), request.extensions["target"], self._host)
        lines = [b"%s %s HTTP/1.1\r\nhost: %s\r\n" % start, *(b"%s: %s\r\n" % field for field in fields)]
        whole, chunked = stream.whole, False
        if value_of(fields, b"content-length") is None:
            # A body without a length came in chunks, and goes on in chunks.
            chunked = whole != b""
            if chunked:
                lines.append(b"transfer-encoding: chunked\r\n")
            elif request.method in _CONTENT_METHODS:
                lines.append(b"content-length: 0\r\n")
        lines.append(b"\r\n")
        body = _chunk(whole) + _LAST_CHUNK if whole and chunked else whole or b""
        bodiless, upgrade = request.method == "HEAD", "upgrade" in request.extensions
        connection.begin(b"".join(lines), body, bodiless=bodiless, more=whole is None, upgrade=upgrade)
        return None if whole is not None else asyncio.ensure_future(_upload(connection, stream, chunked))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.close()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def _upload(connection: Connection, stream: RequestStream, chunked: bool) -> None:  # noqa: FBT001
    """Send a body chunk by chunk. What its maker raises is raised to whoever waits for the answer."""
    try:
        async for chunk in stream:
            await connection.write(_chunk(chunk) if chunked else chunk)
        if chunked:
            await connection.write(_LAST_CHUNK)
    except OSError:
        return  # the connection broke or was silent: its reader knows, and may still find an answer there
    except Exception as error:  # noqa: BLE001 - whatever it is, the request is not whole
        connection.fail(error)
    else:
        connection.sent()
