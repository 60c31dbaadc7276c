"""A connection made: to the upstream by its name, or to an address that somebody has checked."""

import asyncio
import ssl
from functools import cache

from relay.transport.connection import Connection

CONNECT_TIMEOUT = 10.0


@cache
def client_tls() -> ssl.SSLContext:
    """How the relay speaks TLS: it trusts whom the system trusts, and checks the name."""
    return ssl.create_default_context()


async def dial(host: str, port: int, tls: ssl.SSLContext | None, *, name: str | None = None) -> Connection:
    """A new connection to `host`, which is resolved unless it is an address.

    `name` is what the other side's certificate must be for, and what it is told (RFC 6066, 3); without one
    that is `host`. Raises OSError, and TimeoutError after CONNECT_TIMEOUT seconds.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_TIMEOUT):
        _, connection = await loop.create_connection(
            lambda: Connection(loop), host, port, ssl=tls, server_hostname=name
        )
    return connection
