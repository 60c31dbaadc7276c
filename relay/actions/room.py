"""Memory for files in JSON: each is held whole, so that only so many of them may be at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Message, Receive

from relay.errors import RelayBusy

BYTES = 256 * 1024 * 1024
# Of what comes in base64: the text, what is decoded of it, and a copy on the way.
_COPIES = 3


class Room:
    """The memory of one process that files in JSON may take, in bytes."""

    def __init__(self, size: int = BYTES) -> None:
        self.size = self.free = size

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """A part of the room for one request, which is given back at its end."""
        made = Share(self)
        try:
            yield made
        finally:
            made.more(-made.taken)
            made.over = True


class Share:
    """What one request has of the room, in bytes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.taken = 0
        self.over = False

    def more(self, size: int) -> None:
        """Take so many bytes more, or give some back; raises RelayBusy where others have what there is.

        A request by itself always has room, and what comes after the end of the share needs none.
        """
        if self.over:
            return
        alone = self._room.free + self.taken == self._room.size
        if size > max(self._room.free, 0) and not alone:
            raise RelayBusy("The relay holds too many files in JSON at once", headers={"Retry-After": "1"})
        self._room.free -= size
        self.taken += size

    def receiving(self, receive: Receive) -> Receive:
        """`receive`, with room taken for what it gives."""

        async def counted() -> Message:
            message = await receive()
            self.more(len(message.get("body", b"")) * _COPIES)
            return message

        return counted
