"""Event streams on their way through: where events end, and which is the last (WHATWG HTML, 9.2.5, 9.2.6)."""

import json
import re
from collections.abc import Callable, Collection, Iterator

from relay.errors import RelayError, shape

_DONE = "[DONE]"
_HEAD = 1024  # bytes
_STARTS = (b"data:", b"event:")
_STOPS = (b"\n\n", b"\r\n\r\n")
_LINE_ENDS = b"\r\n"
_BOM = b"\xef\xbb\xbf"
_BLANK_LINES = (b"\n\n", b"\n\r", b"\r\r")  # the end of a line and the next one's; CRLF is one end, not two
_LAST_FIELD = re.compile(rb"(?s)(?:.*[\r\n]|\xef\xbb\xbf)?(data|event)[:\r\n]")
_BEGUN_DATA = re.compile(rb"(?:^(?:\xef\xbb\xbf)?|[\r\n])data: ?[^\r\n]")
_MEMBER = re.compile(r'\s*[{,]\s*"([^"\\]*)"\s*:\s*')
_DECODER = json.JSONDecoder(strict=False)


class Events:
    """Follows an event stream by its chunks; nothing is held back, and no event is read on its way.

    A chunk of whole events costs the same whatever its size; of any other, its last blank line is looked for.
    When the stream is over its last event is read, by its first KiB, where the API names it. A block with
    neither `event` nor `data` is no event, so comments that keep the connection alive do not count. `size` is
    in bytes. `look` is given each chunk too.
    """

    def __init__(self, look: Callable[[bytes], None] | None = None) -> None:
        self._look = look
        self.size = 0
        self._begun = b""  # the head of the event that has begun, empty between two
        self._byte = b""  # the last one of that event so far
        self._last: tuple[bytes, bytes, int] | None = None

    def saw(self, chunk: bytes) -> None:
        """Take note of the stream's next bytes."""
        size = len(chunk)
        self.size += size
        if self._look is not None:
            self._look(chunk)
        if not self._begun and chunk.endswith(_STOPS) and chunk.startswith(_STARTS):
            self._last = b"", chunk, size
        else:
            self._follow(chunk)

    def _follow(self, chunk: bytes) -> None:
        """The same for a chunk that need not begin and end between two events."""
        begun = self._begun
        if not begun:
            chunk = chunk.lstrip(_LINE_ENDS)
        end = _after_blank_line(chunk)
        if not end and begun and self._byte + chunk[:1] in _BLANK_LINES:
            end = 1
        if end:
            # Where the head leaves a gap, nothing must seem to stand side by side.
            before = begun if len(begun) < _HEAD else begun + b"." + self._byte
            if (before or chunk).startswith(_STARTS) or _LAST_FIELD.match(before + chunk[:end]):
                self._last = before, chunk, end
            end += chunk[end : end + 1] == b"\n"  # the rest of a CRLF
            begun = b""
        self._begun = begun + chunk[end : end + _HEAD - len(begun)]
        self._byte = chunk[-1:] or self._byte

    @property
    def empty(self) -> bool:
        """Whether there was no event at all, nor the beginning of one."""
        return self._last is None and not self._begun

    def ended(self, ends: Collection[str]) -> bool:
        """Whether the last event is one that ends the stream: named in `ends`, with an error, or `[DONE]`.

        An event without the blank line that ends it is handed to no one (WHATWG HTML, 9.2.6) and ends
        nothing; only `[DONE]` needs no more than itself, for it is all there was to say.
        """
        if _read(self._begun)[1] == _DONE:
            return True
        return self._last is not None and _says_end(*_read(_last_event(*self._last)), ends)

    def error(self, error: RelayError) -> bytes:
        """One event that carries `error`, after whatever the stream ended with.

        An event that has no data yet becomes this one, under another name. One that stopped within its data
        cannot be taken back: it ends here, OpenAI's clients raise over its broken JSON, and the error comes
        after it. Without the blank line they would see a broken connection instead, which says more, but
        where a hop between (HTTP/1.0, RFC 9112, 6.3) takes that for the end, they would see nothing at all.
        """
        event = b"data: " + shape(error) + b"\n\n"
        if not self._begun:
            return event
        if len(self._begun) == _HEAD or _BEGUN_DATA.search(self._begun):
            return b"\n\n" + event
        return (b"" if self._byte in _LINE_ENDS else b"\n") + b"event: error\n" + event


def _after_blank_line(chunk: bytes) -> int:
    """Where the last blank line of `chunk` ends, 0 where it has none; of a CRLF the LF may follow."""
    found = -1
    # One byte is found many times faster than two, and most of a large event is a single line.
    if (line := chunk.rfind(b"\n")) >= 0:
        found = chunk.rfind(b"\n\n", 0, line + 1)
    if chunk.find(b"\r", max(found, 0)) >= 0:
        found = max(chunk.rfind(pair, max(found, 0)) for pair in _BLANK_LINES)
    return found + 2 if found >= 0 else 0


def _last_event(before: bytes, chunk: bytes, end: int) -> bytes:
    """The first KiB of the last event that ends in `chunk`, of which `before` is what came before it."""
    text = before + chunk[:end]
    field = _LAST_FIELD.match(text)
    start = _after_blank_line(text[: field.start(1)]) if field else 0
    return text[start : start + _HEAD]


def _read(event: bytes) -> tuple[str, str]:
    """The name and the data of an event, or of as much of it as there is (WHATWG HTML, 9.2.6)."""
    name, data = b"", []
    for line in event.removeprefix(_BOM).lstrip(_LINE_ENDS).splitlines():
        if not line:
            break
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.removeprefix(b" ")
        elif field == b"data":
            data.append(value.removeprefix(b" "))
    return name.decode("utf-8", "replace"), b"\n".join(data).decode("utf-8", "replace")


def _says_end(name: str, data: str, ends: Collection[str]) -> bool:
    if data == _DONE or name == "error" or name in ends:
        return True
    for member, value in _members(data):
        if (member == "type" and (value == "error" or value in ends)) or (member == "error" and value):
            return True
    return False


def _members(text: str) -> Iterator[tuple[str, object]]:
    """The members of the JSON object that `text` begins; of a value that breaks off, what is there."""
    at = 0 if text.lstrip().startswith("{") else len(text)
    while member := _MEMBER.match(text, at):
        value: object = text[member.end() :]
        try:
            value, at = _DECODER.raw_decode(text, member.end())
        except (ValueError, RecursionError):
            at = len(text)
        yield member[1], value
