"""The upstream as the forwarder sees it: a request out, an answer in, and the relay's own errors.

`httpx-aiohttp` is not used: it quotes paths again, merges repeated fields, and calls a dropped connection a
timeout. httpx's own pool is not used: it loses slots when requests are cancelled.
"""

import asyncio
import errno
from collections.abc import AsyncIterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from relay.errors import (
    InvalidHead,
    RelayBusy,
    RelayError,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from relay.headers import RawHeaders
from relay.transport.dial import client_tls, dial
from relay.transport.native import NativeTransport, RequestStream, ResponseStream
from relay.transport.pool import PORTS

_FROM_HTTPX: tuple[tuple[type[Exception], type[RelayError], str], ...] = (
    (httpx.TimeoutException, UpstreamTimeout, "The upstream did not answer in time"),
    (httpx.RemoteProtocolError, UpstreamInvalid, "The upstream's answer was not valid HTTP"),
    (httpx.LocalProtocolError, InvalidHead, "The request's header fields cannot be sent on"),
    (httpx.ConnectError, UpstreamUnreachable, "The upstream could not be reached"),
    (httpx.TransportError, UpstreamUnreachable, "The connection to the upstream broke"),
)


def _known(error: httpx.TransportError) -> RelayError:
    """The relay's own error for what a transport raises, with no address or key in it."""
    found = (ours(message) for theirs, ours, message in _FROM_HTTPX if isinstance(error, theirs))
    return busy(error) or next(found)


def busy(error: BaseException | None) -> RelayBusy | None:
    """The relay's own error where one came of the process's limit of open files, or the system's."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__
    if error is None or error.errno not in {errno.EMFILE, errno.ENFILE}:
        return None
    return RelayBusy("The relay has too many connections", headers={"Retry-After": "1"})


@dataclass(slots=True)
class UpstreamResponse:
    """An answer as it comes: status, raw fields in order, and raw chunks; close it in any case."""

    status: int
    headers: RawHeaders
    _stream: ResponseStream

    async def read(self) -> bytes:
        """The next bytes of the body as they arrived, still encoded; empty at its end.

        Raises UpstreamError when they end too early.
        """
        try:
            return await anext(self._stream, b"")
        except httpx.TransportError as error:
            raise _known(error) from error

    def take_over(self, protocol: asyncio.Protocol) -> bytes:
        """Let `protocol` have the connection of a 101; what it has to look at first.

        It is not read from until `protocol` says so. Where it is lost by now, `protocol` is told so next.
        """
        return self._stream.hand_over(protocol)

    @property
    def ended(self) -> bool:
        """Whether what was read last was the rest of a whole body, as far as is known by now."""
        return self._stream.ended

    async def close(self) -> None:
        """Give the connection back when the answer was read whole, and close it when it was not."""
        await self._stream.aclose()


def _transport(name: str, base_url: str, read_timeout: float) -> httpx.AsyncBaseTransport:
    if name == "aiohttp":
        from relay.transport.through_aiohttp import AiohttpTransport  # noqa: PLC0415 - it costs a fifth of the start

        return AiohttpTransport(base_url, read_timeout)
    return NativeTransport(base_url, read_timeout)


class Upstream:
    """The upstream at `base_url` (`https://host/v1`), reached through the transport of that name."""

    def __init__(self, base_url: str, read_timeout: float, transport: str) -> None:
        parts = urlsplit(base_url)
        self._path = parts.path.encode()
        self._url = httpx.URL(f"{parts.scheme}://{parts.netloc}/")
        self._transport = _transport(transport, base_url, read_timeout)
        # What speaks for comparison's sake has no way to hand a connection over.
        native = self._transport if isinstance(self._transport, NativeTransport) else None
        self._upgrading = native or NativeTransport(base_url, read_timeout)

    async def send(
        self,
        method: str,
        target: bytes,
        headers: RawHeaders,
        body: bytes | AsyncIterable[bytes],
        *,
        upgrade: bool = False,
    ) -> UpstreamResponse:
        """Send one request and return its answer once its header section is in.

        `target` is path and query below the base, as bytes; an empty `body` is none. `upgrade` says that the
        fields offer another protocol, so that the answer may be 101. Raises UpstreamError, and what iterating
        the body raises.
        """
        extensions: dict[str, object] = {"target": self._path + target, "fields": headers}
        if upgrade:
            extensions["upgrade"] = True
        request = httpx.Request(method, self._url, stream=RequestStream(body), extensions=extensions)
        transport = self._upgrading if upgrade else self._transport
        try:
            response = await transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise _known(error) from error
        assert isinstance(response.stream, ResponseStream)
        return UpstreamResponse(response.status_code, response.extensions["fields"], response.stream)

    def connections(self) -> tuple[int, int]:
        """How many connections carry an exchange, and how many are idle; of the native transport's."""
        return self._upgrading.connections

    async def touch(self) -> None:
        """Open a connection to the upstream and close it, with nothing asked; raises OSError."""
        tls = client_tls() if self._url.scheme == "https" else None
        (await dial(self._url.host, self._url.port or PORTS[self._url.scheme], tls)).abort()

    async def close(self) -> None:
        """Close every connection to the upstream."""
        await self._transport.aclose()
        await self._upgrading.aclose()
