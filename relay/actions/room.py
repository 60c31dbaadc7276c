"""Memory for files in JSON: each is held whole, so that only so many of them may be at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from relay.body import declared_length, has_body
from relay.errors import RelayBusy
from relay.headers import RawHeaders

BYTES = 256 * 1024 * 1024
# The text, what is decoded of it, and a copy on the way.
_COPIES = 3


class Room:
    """The memory of one process that files in JSON may take, in bytes."""

    def __init__(self, size: int = BYTES) -> None:
        self._size = self._free = size

    @contextmanager
    def taken(self, headers: RawHeaders, most: int) -> Iterator[None]:
        """Room for the body that `headers` tell of, or for `most` bytes where they do not tell its size.

        Raises RelayBusy where there is not enough. A body by itself always has room.
        """
        declared = declared_length(headers)
        size = min(most if declared is None else declared, most) * _COPIES if has_body(headers) else 0
        if size > max(self._free, 0) and self._free < self._size:
            message = "The relay holds too many files in JSON at once"
            raise RelayBusy(message, headers={"Retry-After": "1"})
        self._free -= size
        try:
            yield
        finally:
            self._free += size
