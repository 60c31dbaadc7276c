"""A file fetched by its address, in a client's stead: from OpenAI's file hosts, and from nowhere inside."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from relay.actions.addresses import is_public
from relay.actions.naming import media_type_of, name_of
from relay.actions.urls import Target, checked
from relay.body import declared_length
from relay.errors import FileUnreachable, InvalidBody, RequestTooLarge
from relay.headers import FRAMING, RawHeaders
from relay.transport.answer import Malformed
from relay.transport.connection import Connection
from relay.transport.dial import client_tls, dial
from relay.transport.upstream import busy

SECONDS = 20.0  # of the 45 that an Action has
_PORT = 443
_OK = 200
_REDIRECTS = range(300, 400)
# All that goes along: no key, and nothing of the client's. A body that is coded could be a small one of a
# huge file.
_REQUEST = (
    b"GET %s HTTP/1.1\r\nhost: %s\r\nuser-agent: chatgpt-team-relay\r\naccept: */*\r\n"
    b"accept-encoding: identity\r\nconnection: close\r\n\r\n"
)

Resolve = Callable[[str, int], Awaitable[list[str]]]
Dial = Callable[[str, int, str], Awaitable[Connection]]


async def resolved(host: str, port: int) -> list[str]:
    """Every address of `host`, as text, in the order to try them; raises OSError where it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def dialled(address: str, port: int, name: str) -> Connection:
    """A connection to `address`, whose certificate is one for `name`; raises OSError."""
    return await dial(address, port, client_tls(), name=name)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, whole; `media_type` in lower case and without parameters, `name` without a path."""

    content: bytes
    media_type: str | None
    name: str | None


class Fetcher:
    """Fetches files; `seconds` is what one may take, from the look-up of its host to its last byte.

    Each file has a connection of its own, which is closed after it.
    """

    def __init__(self, resolve: Resolve = resolved, dial: Dial = dialled, seconds: float = SECONDS) -> None:
        self._resolve = resolve
        self._dial = dial
        self._seconds = seconds

    async def fetch(self, url: str, limit: int, param: str) -> Fetched:
        """The file at `url`, of at most `limit` bytes; `param` is what an error names.

        Raises InvalidBody (`blocked_url`) for a place that the relay does not go to, RequestTooLarge
        (`input_too_large`), FileUnreachable for everything that goes wrong there, and RelayBusy.
        """
        target = checked(url, param)
        try:
            async with asyncio.timeout(self._seconds):
                connection = await self._connected(target.host, param)
                try:
                    return await _file(connection, target, limit, param)
                finally:
                    connection.abort()
        except Malformed:
            _fail(target.host, "gave an answer that is no valid HTTP", param)
        except TimeoutError:
            _fail(target.host, f"did not send the file within {self._seconds:g} seconds", param)
        except OSError as error:
            if refusal := busy(error):
                raise refusal from error
            _fail(target.host, "could not be reached, or broke off", param)

    async def _connected(self, host: str, param: str) -> Connection:
        """A connection to the first address that takes one. All were checked, and none is looked up again."""
        addresses = list(dict.fromkeys(await self._resolve(host, _PORT)))
        if not all(map(is_public, addresses)):
            message = f"This address is not fetched: {host} leads to a place that is not public"
            raise InvalidBody(message, param=param, code="blocked_url")
        failure = OSError("the name has no address")
        for address in addresses:
            try:
                return await self._dial(address, _PORT, host)
            except OSError as error:
                failure = error
        raise failure


async def _file(connection: Connection, target: Target, limit: int, param: str) -> Fetched:
    request = _REQUEST % (target.path, target.host.encode())
    connection.begin(request, b"", bodiless=False, more=False, upgrade=False)
    status, fields = await connection.head()
    if problem := _problem(status, fields):
        _fail(target.host, problem, param)
    content = bytearray()
    size = declared_length(fields) or 0
    while size <= limit and (chunk := await connection.read()):
        content += chunk
        size = max(size, len(content))
    if size > limit:
        message = f"The file is larger than the {limit:,} bytes that are taken here"
        raise RequestTooLarge(message, param=param, code="input_too_large")
    return Fetched(bytes(content), media_type_of(fields), name_of(fields, target))


def _problem(status: int, fields: RawHeaders) -> str | None:
    """Why an answer with this head is not the file, None where it is."""
    if status in _REDIRECTS:
        return f"answered {status}, and redirects are not followed"
    if status != _OK:
        return f"answered {status}; links to files live for minutes only"
    if any(name == b"content-encoding" and value.lower() not in {b"", b"identity"} for name, value in fields):
        return "sent the file compressed, which it was asked not to do"
    if not any(name in FRAMING for name, _ in fields):
        return "does not say where the file ends, so that none is known to be whole"
    return None


def _fail(host: str, problem: str, param: str) -> NoReturn:
    raise FileUnreachable(f"The file could not be fetched: {host} {problem}", param=param) from None
