"""WebSockets as far as the driver and the upstream need them (RFC 6455): the handshake, and whole frames."""

import base64
import hashlib
from typing import NamedTuple

TEXT = 0x1
CLOSE = 0x8
PING = 0x9
PONG = 0xA
FIN = 0x80
MASK_BYTES = 4

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = b"cmVsYXktYmVuY2htYXJrIQ=="
_MASKED = 0x80
_LENGTH = 0x7F
_OPCODE = 0x0F
# The lengths that say that the length follows, in so many bytes (5.2).
_LONG = {126: 2, 127: 8}
_SHORT_MOST = 125
_MEDIUM_MOST = 0xFFFF
_MASK = b"\x37\xfa\x21\x3d"

UPGRADE = (
    b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: " + _KEY + b"\r\n"
)


class Frame(NamedTuple):
    """Where one frame lies among others: its opcode, whether it is masked, its payload's bounds."""

    opcode: int
    masked: bool
    start: int
    end: int


def accept(key: bytes = _KEY) -> bytes:
    """The proof that the handshake was understood (4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - the protocol's own choice


def frame(opcode: int, payload: bytes, *, masked: bool) -> bytes:
    """A whole message in one frame, masked as a client's is (5.3)."""
    size = len(payload)
    mark = _MASKED if masked else 0
    if size <= _SHORT_MOST:
        head = bytes((FIN | opcode, mark | size))
    elif size <= _MEDIUM_MOST:
        head = bytes((FIN | opcode, mark | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FIN | opcode, mark | 127)) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = (_MASK * (size // MASK_BYTES + 1))[:size]
    hidden = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return head + _MASK + hidden.to_bytes(size, "big")


def next_frame(data: bytes, start: int) -> Frame | None:
    """The frame that begins at `start`, once all of it is there."""
    if len(data) < start + 2:
        return None
    size, at = data[start + 1] & _LENGTH, start + 2
    if more := _LONG.get(size, 0):
        size, at = int.from_bytes(data[at : at + more], "big"), at + more
    masked = data[start + 1] & _MASKED != 0
    at += MASK_BYTES if masked else 0
    # A length that is cut off is smaller than it will be, but then so is what is there.
    return Frame(data[start] & _OPCODE, masked, at, at + size) if len(data) >= at + size else None
