"""What an answer says of itself, read from a copy of its ends while its bytes pass: tokens, model, error."""

import json
import re
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

_HEAD = 4 * 1024  # bytes; of an answer's model
_TAIL = 16 * 1024  # bytes; of its usage, behind which there are at most 16 pairs of metadata
_MOST = 1024 * 1024  # bytes that a piece may be unpacked to
_TRIES = 20  # so many members of that name are read: one within the other, each would be read again
# Within a string of JSON a quotation mark has a backslash before it.
# It is asked behind the name, for a pattern that begins with it is found many times faster.
_MODEL = re.compile(rb'"model"(?<!\\"model")\s*:\s*"([!#-\[\]-~]{1,96})"')
_USAGE = b'"usage"'
_COLON = re.compile(r"\s*:\s*")
_DECODER = json.JSONDecoder()
_GZIP = {"gzip", "x-gzip", "deflate"}
_LIKELY = 10**12  # tokens that no answer uses

# Chat completions and embeddings say prompt and completion, every other operation input and output.
_KINDS = {
    "input": (("input_tokens",), ("prompt_tokens",)),
    "output": (("output_tokens",), ("completion_tokens",)),
    "cached": (
        ("input_tokens_details", "cached_tokens"),
        ("input_token_details", "cached_tokens"),
        ("prompt_tokens_details", "cached_tokens"),
    ),
    "reasoning": (
        ("output_tokens_details", "reasoning_tokens"),
        ("completion_tokens_details", "reasoning_tokens"),
    ),
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer used: tokens by kind, `input`, `output`, and of those `cached` and `reasoning`."""

    model: str | None = None
    tokens: dict[str, int] = field(default_factory=dict)


class Ends:
    """The first bytes and the last of an answer's body; of one in gzip, of what it holds.

    `lost` once it cannot be read: in another coding, broken, unpacked to too much at once, or with more
    behind the end of what was packed.
    """

    def __init__(self, coding: str | None) -> None:
        # 32 more than the window's bits: whichever of the two headers is there.
        self._unpacked = zlib.decompressobj(zlib.MAX_WBITS | 32) if coding in _GZIP else None
        self.lost = coding is not None and self._unpacked is None
        self.head = b""
        self.size = 0
        self._last: deque[bytes] = deque()
        self._held = 0

    def saw(self, chunk: bytes) -> None:
        """Take note of the answer's next bytes."""
        if self.lost:
            return
        if self._unpacked is not None:
            try:
                chunk = self._unpacked.decompress(chunk, _MOST)
            except zlib.error:
                self.lost = True
            # What comes behind the end is kept by the library, all of it, and copied for each chunk.
            behind = self._unpacked.unconsumed_tail or self._unpacked.unused_data
            self.lost = self.lost or bool(behind)
        if not chunk:
            return  # packed in pieces of nothing, an answer has any number of them
        self.size += len(chunk)
        if len(self.head) < _HEAD:
            self.head += chunk[: _HEAD - len(self.head)]
        self._last.append(chunk[-_TAIL:])
        self._held += len(self._last[-1])
        while self._held - len(self._last[0]) >= _TAIL:
            self._held -= len(self._last.popleft())

    @property
    def tail(self) -> bytes:
        """The last bytes."""
        return b"".join(self._last)


def usage_of(ends: Ends, request: object) -> Usage:
    """What was used, and by which model: the one that the answer names, else the one in the `request`."""
    tail = ends.tail
    return Usage(model_in(ends.head) or model_in(tail) or model_in(request), _tokens(tail))


def usage_in(body: bytes) -> Usage:
    """The same, of an answer that is there whole."""
    ends = Ends(None)
    ends.saw(body)
    return usage_of(ends, None)


def model_in(text: object) -> str | None:
    """The first model that a text of JSON names, None where it names none or is not there as bytes."""
    found = _MODEL.search(text) if isinstance(text, bytes) else None
    return found[1].decode("ascii") if found else None


def _tokens(tail: bytes) -> dict[str, int]:
    """The counts of the last `usage` that has some."""
    at = len(tail)
    for _ in range(_TRIES):
        at = tail.rfind(_USAGE, 0, at)
        if at < 0:
            break
        if tail[at - 1 : at] != b"\\":
            usage = _value(tail[at + len(_USAGE) :].decode("utf-8", "replace"))
            if tokens := {kind: count for kind in _KINDS if (count := _count(usage, kind)) is not None}:
                return tokens
    return {}


def _value(text: str) -> Any:
    """The value behind a member's name; None where it is not whole."""
    colon = _COLON.match(text)
    try:
        return _DECODER.raw_decode(text, colon.end())[0] if colon else None
    except (ValueError, RecursionError):
        return None


def _count(usage: Any, kind: str) -> int | None:
    for path in _KINDS[kind]:
        value = usage
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if type(value) is int and 0 <= value < _LIKELY:
            return value
    return None


def error_code(ends: Ends) -> str:
    """The code of the error that an answer is, its type where it has none; empty where it names neither."""
    try:
        error = json.loads(ends.head)["error"]
        found = error.get("code") or error.get("type") or ""
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return found if isinstance(found, str) else str(found)
