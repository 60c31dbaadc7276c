"""Connections to one upstream: opened when needed, kept while both sides like, looked after by one sweep."""

import asyncio
from urllib.parse import urlsplit

from relay.transport.connection import Connection
from relay.transport.dial import client_tls, dial

KEEP_ALIVE = 15.0
_SWEEP_SECONDS = 1.0
PORTS = {"http": 80, "https": 443}


class Pool:
    """Keeps what is idle in a stack, so that a quiet time lets the rest of it go.

    `read_timeout` is in seconds: how long the upstream may be silent while it is waited for. One sweep a
    second, or four in that time, finds what is overdue: no timer for each request.
    """

    def __init__(self, base_url: str, read_timeout: float) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._port = parts.port or PORTS[parts.scheme]
        self._tls = client_tls() if parts.scheme == "https" else None
        self._read_timeout = read_timeout
        self._interval = min(_SWEEP_SECONDS, read_timeout / 4)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections carry an exchange, and how many are idle."""
        return len(self._busy), len(self._idle)

    async def acquire(self) -> Connection:
        """An idle connection, or a new one; raises OSError, and TimeoutError where connecting takes long."""
        while self._idle:
            connection = self._idle.pop()
            if connection.alive():
                self._busy.add(connection)
                return connection
            connection.abort()
        connection = await dial(self._host, self._port, self._tls)
        self._busy.add(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._interval, self._look)
        return connection

    def release(self, connection: Connection) -> None:
        """Take a connection back, and close it unless its exchange is whole and it may be used again."""
        self._busy.discard(connection)
        if connection.reusable:
            connection.rest()
            self._idle.append(connection)
        else:
            connection.abort()

    async def close(self) -> None:
        """Close every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in (*self._idle, *self._busy):
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # the event loop closes them on its next turn

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [one for one in self._busy if one.waiting_since is not None]:
            if now - (connection.waiting_since or now) >= self._read_timeout:
                connection.overdue()
        kept = [one for one in self._idle if not one.closed and now - one.idle_since < KEEP_ALIVE]
        for connection in set(self._idle).difference(kept):
            connection.abort()
        self._idle = kept
        quiet = not self._idle and not self._busy
        self._sweep = None if quiet else loop.call_later(self._interval, self._look)
