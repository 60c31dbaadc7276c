"""TLS before a server that has none, as a proxy in front of it would have it: some clients open no other."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.faulty import Connection, Faulty, misbehaving
from tests.file_host import certified

NAME = "localhost"


class Fronts:
    """Makes fronts with one certificate, which clients find in the file `certificate`."""

    def __init__(self, folder: Path) -> None:
        self._context = certified(folder, [NAME])[0]
        self.certificate = folder / "certificate"

    @contextmanager
    def before(self, base_url: str) -> Iterator[str]:
        """Serve what is at `base_url`, `http://HOST:PORT/v1`, over TLS; gives the address."""
        target = urlsplit(base_url)

        async def through(connection: Connection) -> None:
            reader, writer = await asyncio.open_connection(target.hostname, target.port)

            async def up() -> None:
                with contextlib.suppress(ConnectionError):
                    async for chunk in connection.chunks():
                        writer.write(chunk)
                        await writer.drain()
                writer.close()

            async def down() -> None:
                with contextlib.suppress(ConnectionError):
                    while chunk := await reader.read(65_536):
                        await connection.say(chunk)
                await connection.close()

            try:
                await asyncio.gather(up(), down())
            finally:
                # The front may end before its client does.
                writer.transport.abort()

        front = Faulty(script=through, tls=self._context)
        with misbehaving(front):
            yield f"https://{NAME}:{urlsplit(front.base_url).port}/v1"
        assert not front.failures
