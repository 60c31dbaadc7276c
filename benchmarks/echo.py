"""The upstream's side of a WebSocket: each frame is answered with a prepared one of its kind and size."""

import asyncio
import re
from functools import lru_cache

from benchmarks.frames import CLOSE, PING, PONG, accept, frame, next_frame

_KEY = re.compile(rb"\r\nsec-websocket-key: *(\S+)", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade: *websocket", re.IGNORECASE)


def offers_websocket(head: bytes) -> bool:
    """Whether the head of a request asks for a WebSocket."""
    return _UPGRADE.search(head) is not None


class EchoProtocol(asyncio.Protocol):
    """One WebSocket, from its handshake on; closed where a frame is not masked (RFC 6455, 5.1)."""

    def __init__(self, transport: asyncio.Transport, head: bytes) -> None:
        self._transport = transport
        self._unread = b""
        key = _KEY.search(head)
        proof = accept(key[1]) if key else b""
        transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-accept: " + proof + b"\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        """Answer the frames that are whole."""
        data = self._unread + data
        start = 0
        while (found := next_frame(data, start)) is not None:
            start = found.end
            if found.opcode == CLOSE or not found.masked:
                self._transport.close()
            elif found.opcode == PING:
                self._transport.write(_prepared(PONG, found.end - found.start))
            elif found.opcode != PONG:
                self._transport.write(_prepared(found.opcode, found.end - found.start))
        self._unread = data[start:]


@lru_cache
def _prepared(opcode: int, size: int) -> bytes:
    return frame(opcode, b"x" * size, masked=False)
