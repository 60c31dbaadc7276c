"""Plain grey surfaces of any size, in every format that images are asked for in."""

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

_KEPT = 64
_GREY = 128


@lru_cache(_KEPT)
def png(width: int, height: int, shade: int) -> bytes:
    """Return a surface of ``shade`` 0 to 255 as a PNG (RFC 2083)."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj()
    row = b"\0" + bytes([shade]) * width
    rows = b"".join([packer.compress(row) for _ in range(height)]) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@lru_cache(_KEPT)
def jpeg(width: int, height: int, shade: int) -> bytes:
    """Return a surface of ``shade`` 0 to 255 as a baseline JPEG (ITU T.81) of one component.

    Every step of quantisation is 8, so that the first block's mean is the shade, and all further differences
    are zero. The codes are: 0 no difference, 10 the first difference, and 0 the end of a block.
    """
    level = shade - _GREY
    length = abs(level).bit_length()
    frame = struct.pack(">BHHB3B", 8, height, width, 1, 1, 0x11, 0)
    lengths = bytes([1, 1]) + bytes(14)
    first = f"10{level if level > 0 else level + 2**length - 1:0{length}b}" if length else "0"
    blocks = -(-width // 8) * -(-height // 8)
    scan = _bits(first + "0" + "00" * (blocks - 1), fill="1").replace(b"\xff", b"\xff\0")
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0" + struct.pack(">HBHHBB", 0x0101, 0, 1, 1, 0, 0)),
            _segment(0xDB, b"\0" + bytes([8]) * 64),
            _segment(0xC0, frame),
            _segment(0xC4, b"\0" + lengths + bytes([0, length or 1])),
            _segment(0xC4, b"\x10" + lengths + bytes([0, 1])),
            _segment(0xDA, bytes([1, 1, 0, 0, 63, 0])),
            scan,
            b"\xff\xd9",
        ]
    )


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def webp(width: int, height: int, shade: int) -> bytes:
    """Return a surface of ``shade`` 0 to 255 as a lossless WebP (RFC 9649).

    Each code has a single symbol, which takes no bits: all pixels are said by the header.
    """
    codes = [(1, 1), (0, 1), (1, 1)]
    fields = [(width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 1), (0, 1), (0, 1)]
    for symbol in (shade, shade, shade, 255, 0):
        fields += [*codes, (symbol, 8)]
    data = b"\x2f" + _packed(fields)
    data += bytes(len(data) % 2)
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _packed(fields: Iterable[tuple[int, int]]) -> bytes:
    """Numbers of so many bits each, the least significant bit first."""
    value, size = 0, 0
    for number, bits in fields:
        value |= number << size
        size += bits
    return value.to_bytes(-(-size // 8), "little")


def _bits(text: str, fill: str) -> bytes:
    """The bytes of binary digits, the last byte filled up."""
    size = -(-len(text) // 8)
    return int(text.ljust(8 * size, fill), 2).to_bytes(size, "big")


PICTURES: Mapping[str, Callable[[int, int, int], bytes]] = MappingProxyType(
    {"png": png, "jpeg": jpeg, "webp": webp}
)
