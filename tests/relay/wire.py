"""Requests byte for byte, and answers as they were on the wire."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from tests.servers import REAL_KEY, RELAY_KEY

KEY = f"authorization: Bearer {RELAY_KEY}"
CHAT = "/v1/chat/completions"
CHAT_BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
STREAM_BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}'
_SECONDS = 30  # a bound, no measurement


@dataclass(frozen=True)
class Answer:
    """A whole answer: fields in the order they came, their names in lower case, duplicates apart."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def all(self, *names: str) -> list[str]:
        """Every value of the fields with these names, in order."""
        return [value for key, value in self.fields if key in names]

    @property
    def error(self) -> dict[str, Any]:
        """The error that the body is, in OpenAI's shape and in no other."""
        body = json.loads(self.body)
        assert list(body) == ["error"]
        error: dict[str, Any] = body["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return error


def ask(root: str, method: str, target: str, *fields: str, body: bytes = b"") -> Answer:
    """The answer to one request, sent by the standard library's client with these fields and Host.

    Content-Length is added for a body that no field frames.
    """
    connection = HTTPConnection(root.removeprefix("http://"), timeout=_SECONDS)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for line in _framed((KEY, *fields), body):
            name, _, value = line.partition(": ")
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(body or None)
        response = connection.getresponse()
        received = [(name.lower(), value) for name, value in response.getheaders()]
        return Answer(response.status, received, response.read())
    finally:
        connection.close()


def request(method: str, target: str, *fields: str, body: bytes = b"") -> bytes:
    """The bytes of one request with the relay key."""
    lines = [f"{method} {target} HTTP/1.1", "host: relay", KEY, *fields]
    return ("\r\n".join(_framed(lines, body)) + "\r\n\r\n").encode("latin-1") + body


def streaming(target: str = CHAT, body: bytes = STREAM_BODY) -> bytes:
    """The bytes of a request for an event stream."""
    return request("POST", target, "content-type: application/json", body=body)


def _framed(lines: "tuple[str, ...] | list[str]", body: bytes) -> list[str]:
    said = any(line.lower().startswith(("content-length:", "transfer-encoding:")) for line in lines)
    return [*lines] if said or not body else [*lines, f"content-length: {len(body)}"]


def chunk(data: bytes) -> bytes:
    """`data` as one chunk of a chunked body (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


class Line:
    """A connection to the relay, read as far as the test wants to."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.received = b""

    def say(self, data: bytes) -> None:
        """Send `data`."""
        self.socket.sendall(data)

    def until(self, marker: bytes) -> bytes:
        """All that was received, once `marker` is in it."""
        while marker not in self.received:
            data = self.socket.recv(65_536)
            assert data, f"closed after {self.received!r}"
            self.received += data
        return self.received

    def rest(self) -> bytes:
        """All that was received, once the relay has closed the connection."""
        while data := self.socket.recv(65_536):
            self.received += data
        return self.received


@contextmanager
def dialled(root: str, data: bytes = b"", receive_buffer: int = 0) -> Iterator[Line]:
    """Connect to the relay at `root` and send `data`; the end of the block closes the connection."""
    host, _, port = root.removeprefix("http://").partition(":")
    with socket.socket() as connection:
        connection.settimeout(_SECONDS)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect((host, int(port)))
        connection.sendall(data)
        yield Line(connection)


def unchunked(raw: bytes) -> tuple[bytes, bool]:
    """The content of a chunked answer, and whether its last chunk came."""
    head, _, framed = raw.partition(b"\r\n\r\n")
    assert b"\r\ntransfer-encoding: chunked" in head
    content = b""
    while framed:
        size, _, framed = framed.partition(b"\r\n")
        if not int(size, 16):
            assert framed == b"\r\n"
            return content, True
        content += framed[: int(size, 16)]
        framed = framed[int(size, 16) + 2 :]
    return content, False


def assert_keeps_secrets(answer: Answer, base_url: str) -> None:
    """Fail when an answer tells where the upstream is, or a key."""
    # A random id may hold the port's digits.
    fields = [field for field in answer.fields if not field[0].endswith("request-id")]
    told = answer.body + repr(fields).encode()
    address = base_url.removeprefix("http://").removesuffix("/v1")
    for secret in (REAL_KEY, RELAY_KEY, address, *address.split(":")):
        assert secret.encode() not in told
