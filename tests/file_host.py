"""OpenAI's file hosts on loopback, with a certificate for their names, and a fetcher that is led there."""

import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which

import pytest

from relay.actions.fetch import SECONDS, Fetcher
from relay.transport.connection import Connection as Dialled
from relay.transport.dial import dial
from tests.faulty import Connection, Faulty, Script

OPENSSL = which("openssl")
NAMES = ("files.openai.com", "*.oaiusercontent.com", "*.blob.core.windows.net")
URL = "https://files.openai.com/f/cat.png"
# Addresses out in public, which nothing here ever dials.
PUBLIC, OTHER, SIXTH = "104.18.33.45", "172.64.154.211", "2606:4700:4400::6812:212d"


def certified(folder: Path, names: Sequence[str] = NAMES) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server with a certificate for `names`, and for a client that trusts this one alone."""
    if OPENSSL is None:
        pytest.skip("the certificate is made by openssl")
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
    named = f"subjectAltName={','.join(f'DNS:{name}' for name in names)}"
    more = ["-addext", named, "-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    files = ["-keyout", "key", "-out", "certificate"]
    subprocess.run([OPENSSL, *made.split(), *more, *files], cwd=folder, check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "certificate", folder / "key")
    return server, ssl.create_default_context(cafile=str(folder / "certificate"))


def file_answer(content: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """The bytes of a whole answer with these fields and a length."""
    length = b"content-length: %d" % len(content)
    return b"\r\n".join([b"HTTP/1.1 " + status, *fields, length, b"", content])


def saying(data: bytes) -> Script:
    """Read a request, say `data`, and wait until the relay has closed the connection."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(data)
        await connection.rest()

    return script


class FileHost:
    """What the name of a file host leads to: first what the resolver says, then a server on loopback.

    `answers` are what the resolver says, one each time and the last one again; an exception is raised.
    `resolved` and `dials` are what it was asked for, and which addresses would have been dialled; `names` is
    what the server was told in its connections (RFC 6066, 3).
    """

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.faulty = Faulty(tls=server)
        server.sni_callback = self._named
        self.trust = client
        self.reset()

    def reset(self) -> None:
        """Begin anew: a public address, and a small file behind it."""
        self.faulty.reset(saying(file_answer(b"content")))
        self.answers: list[list[str] | Exception] = [[PUBLIC]]
        self.resolved: list[tuple[str, int]] = []
        self.dials: list[tuple[str, int, str]] = []
        self.names: list[str | None] = []

    def _named(self, _connection: object, name: str | None, _context: ssl.SSLContext) -> None:
        self.names.append(name)

    @property
    def port(self) -> int:
        """Where the server listens."""
        return int(self.faulty.base_url.split(":")[2].removesuffix("/v1"))

    async def resolve(self, host: str, port: int) -> list[str]:
        """What a resolver says of `host`."""
        self.resolved.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def dial(self, address: str, port: int, name: str) -> Dialled:
        """A connection to the server here, as if it were at `address`."""
        self.dials.append((address, port, name))
        return await dial("127.0.0.1", self.port, self.trust, name=name)

    def fetcher(self, seconds: float = SECONDS) -> Fetcher:
        """A fetcher that this host's names lead here."""
        return Fetcher(self.resolve, self.dial, seconds)
