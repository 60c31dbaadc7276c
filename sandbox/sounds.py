"""Silence in every format that speech is asked for in: short files that players take."""

import io
import struct
import wave
from collections.abc import Callable, Mapping
from types import MappingProxyType

MILLISECONDS = 24

_RATE = 24_000
_TELEPHONE_RATE = 8_000


def pcm(frames: int) -> bytes:
    """Return ``frames`` times 24 ms as 16-bit samples, 24 kHz, mono."""
    return bytes(2 * _RATE * MILLISECONDS // 1000 * frames)


def pcmu(frames: int) -> bytes:
    """Return ``frames`` times 24 ms in G.711's µ-law, 8 kHz, mono."""
    return b"\xff" * (_TELEPHONE_RATE * MILLISECONDS // 1000 * frames)


def pcma(frames: int) -> bytes:
    """Return ``frames`` times 24 ms in G.711's A-law, 8 kHz, mono."""
    return b"\xd5" * (_TELEPHONE_RATE * MILLISECONDS // 1000 * frames)


def wav(frames: int) -> bytes:
    """Return the samples of ``pcm`` as a RIFF file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(pcm(frames))
    return file.getvalue()


def mp3(frames: int) -> bytes:
    """Return frames of MPEG 2, layer III: 24 kHz, 32 kbit/s, mono, all of their bits zero."""
    return (b"\xff\xf3\x44\xc0" + bytes(92)) * frames


def aac(frames: int) -> bytes:
    """Return ADTS frames (ISO 14496-3, 1.A): AAC-LC, 24 kHz, mono, an element of silence in each."""
    silence = b"\x00\xc8\x00\x80\x23\x80"
    size = 7 + len(silence)
    header = struct.pack(
        ">HBBBBB", 0xFFF1, 0x58, 0x40 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC
    )
    return (header + silence) * frames


def flac(_frames: int) -> bytes:
    """Return a stream without samples (RFC 9639, 8.2)."""
    information = (
        struct.pack(">HH", 4096, 4096) + bytes(6) + (_RATE << 44 | 15 << 36).to_bytes(8, "big") + bytes(16)
    )
    return b"fLaC\x80" + len(information).to_bytes(3, "big") + information


def opus(frames: int) -> bytes:
    """Return an Ogg stream (RFC 7845) of packets of silence, 20 ms each."""
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, _RATE, 0, 0)
    tags = b"OpusTags" + struct.pack("<I7sI", 7, b"sandbox", 0)
    pages = [_page(0, 2, 0, head), _page(1, 0, 0, tags)]
    for number in range(frames):
        last = 4 if number == frames - 1 else 0
        pages.append(_page(number + 2, last, 960 * (number + 1), b"\xf8\xff\xfe"))
    return b"".join(pages)


def _page(number: int, flags: int, position: int, packet: bytes) -> bytes:
    page = bytearray(
        struct.pack("<4sBBqIIIBB", b"OggS", 0, flags, position, 1, number, 0, 1, len(packet)) + packet
    )
    page[22:26] = struct.pack("<I", _checksum(page))
    return bytes(page)


def _checksum(data: bytes | bytearray) -> int:
    """The CRC of Ogg pages (RFC 3533, 6): polynomial 04c11db7, not reflected, beginning with zero."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1
        value &= 0xFFFFFFFF
    return value


SOUNDS: Mapping[str, tuple[str, Callable[[int], bytes]]] = MappingProxyType(
    {
        "mp3": ("audio/mpeg", mp3),
        "opus": ("audio/opus", opus),
        "aac": ("audio/aac", aac),
        "flac": ("audio/flac", flac),
        "wav": ("audio/wav", wav),
        "pcm": ("audio/pcm", pcm),
    }
)
