"""Bytes that the sandbox keeps: small ones in memory, larger ones in a temporary file without a name."""

import re
import tempfile
import weakref
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import IO

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from sandbox.errors import ApiError

MEMORY_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Piece:
    """A file of some size, closed when nobody has it any more; a new one where none is given."""

    def __init__(self, file: IO[bytes] | None = None) -> None:
        if file is None:
            file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - it closes with the piece
        self._file = file
        self.size = self._file.seek(0, 2)
        weakref.finalize(self, self._file.close)

    @property
    def memory(self) -> int:
        """How many bytes of it lie in memory."""
        return self.size if self.size <= MEMORY_BYTES else 0

    def append(self, data: bytes) -> None:
        """Write bytes at the end; 503 where the system has no room for them."""
        try:
            self._file.seek(self.size)
            self._file.write(data)
        except OSError as error:
            raise no_room() from error
        self.size += len(data)

    def read(self, start: int, limit: int) -> bytes:
        """Return up to ``limit`` bytes from ``start`` on, wherever another reader has left the file."""
        self._file.seek(start)
        return self._file.read(limit)


class Content:
    """Bytes in one or more pieces, read without being joined.

    A piece over 8 MiB lies in a file that has no name, so that the system removes it with the last reader,
    however the process ends.
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(pieces)

    @classmethod
    def of(cls, data: bytes | Iterable[bytes]) -> "Content":
        """Return content that holds bytes, or chunks of them."""
        piece = Piece()
        for chunk in [data] if isinstance(data, bytes) else data:
            piece.append(chunk)
        return cls([piece])

    @classmethod
    def joined(cls, parts: Iterable["Content"]) -> "Content":
        """Return the bytes of several contents one after another, without copying them."""
        return cls(piece for part in parts for piece in part.pieces)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(piece.size for piece in self.pieces)

    @property
    def memory(self) -> int:
        """How many of the bytes lie in memory."""
        return sum(piece.memory for piece in self.pieces)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from ``start`` up to ``stop`` in chunks of 256 KiB at most."""
        left = (self.size if stop is None else stop) - start
        for piece in self.pieces:
            while start < piece.size and left > 0:
                chunk = piece.read(start, min(_CHUNK_BYTES, left))
                start += len(chunk)
                left -= len(chunk)
                yield chunk
            start -= piece.size

    def head(self, limit: int = MEMORY_BYTES) -> bytes:
        """Return the first ``limit`` bytes."""
        return b"".join(self.read(0, min(limit, self.size)))

    def lines(self, limit: int) -> Iterator[bytes]:
        """Yield the lines without their ends; of a longer one than ``limit``, one byte more than that."""
        line = bytearray()
        for chunk in self.read():
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                line += end[: limit + 1 - len(line)]
                yield bytes(line).removesuffix(b"\r")
                line.clear()
            line += rest[: limit + 1 - len(line)]
        if line:
            yield bytes(line)


def no_room() -> ApiError:
    """Return the 503 for bytes that the system cannot take: no space, or no more files at a time."""
    return ApiError(503, "The server has no room for more files at the moment. Please try again later.")


def download(content: Content, media_type: str, filename: str, headers: Headers) -> Response:
    """Return content as an answer: whole, or the one range that was asked for (RFC 9110, 14).

    416 where the content has no byte of that range. More than one range, one that ends before it begins, or
    none that can be read, is whole.
    """
    fields = {"accept-ranges": "bytes", "content-disposition": f'attachment; filename="{_plain(filename)}"'}
    match = _RANGE.fullmatch(headers.get("range", ""))
    if match is None or not _is_range(match[1], match[2]):
        fields["content-length"] = str(content.size)
        return StreamingResponse(_chunks(content), 200, fields, media_type)
    start, stop = _bounds(match[1], match[2], content.size)
    if start >= stop:
        message = f"The range '{match[0][:100]}' is not within the {content.size} bytes of this file."
        raise ApiError(416, message, headers={"content-range": f"bytes */{content.size}"})
    fields["content-range"] = f"bytes {start}-{stop - 1}/{content.size}"
    fields["content-length"] = str(stop - start)
    return StreamingResponse(_chunks(content, start, stop), 206, fields, media_type)


async def _chunks(content: Content, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
    for chunk in content.read(start, stop):
        yield chunk


def _is_range(first: str, last: str) -> bool:
    if first and last:
        return _number(first) <= _number(last)
    return bool(first or last)


def _number(digits: str) -> int:
    # Cut, for Python reads no more than 4,300 digits as a number; no file has as many bytes as 20.
    return int(digits[:20] or 0)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    begin, end = _number(first), _number(last)
    if not first:
        return max(size - end, 0), size
    return begin, min(end + 1, size) if last else size


def _plain(filename: str) -> str:
    return re.sub(r"[^ !#-\[\]-~]", "_", filename)
