"""The JSON of a form: files in base64 are cut out before it is parsed, and decoded after it was judged."""

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, NoReturn

from relay.errors import InvalidBody, InvalidJSON, RequestTooLarge

# A string that is base64 for longer than any text: as JSON writes it, with escaped slashes and line breaks.
# Between strings of JSON stands a comma or a colon, which no such string has.
_BLOB = re.compile(rb"(?:data:[A-Za-z0-9.+/;=-]{0,128},)?[A-Za-z0-9+/_=\\-]+")
_BLOB_BYTES = 32 * 1024
_ESCAPES = ((b"\\/", b"/"), (b"\\n", b""), (b"\\r", b""))
_SCHEME = re.compile(rb"data:[^,]{0,256};base64,", re.IGNORECASE)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
# A backslash in front of anything else says more than base64 can.
_MEANT = (b"\\/", b"\\n", b"\\r")
# What is left when the files are cut out; it is parsed and judged while the event loop waits.
REST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Payload:
    """A body as JSON text with marks for its long strings, and these by their marks, as JSON writes them."""

    text: bytes
    blobs: Mapping[str, bytes | memoryview]

    @classmethod
    def of(cls, body: bytes) -> "Payload":
        """Cut the long strings out; raises RequestTooLarge for more than 256 KiB besides."""
        nonce, whole = token_hex(8), memoryview(body)
        blobs: dict[str, bytes | memoryview] = {}
        rest: list[bytes | memoryview] = []
        size = start = 0
        while start < len(body):
            end = body.find(b'"', start)
            end = len(body) if end < 0 else end
            gap: bytes | memoryview = whole[start:end]
            if end - start >= _BLOB_BYTES and _is_blob(body, start, end):
                name = f"{nonce}:{len(blobs)}"
                blobs[name] = gap
                gap = name.encode()
            rest.append(gap)
            size += len(gap) + 1
            if size > REST_BYTES:
                raise RequestTooLarge(f"More than {REST_BYTES:,} bytes besides files in base64")
            start = end + 1
        return cls(b'"'.join(rest) + (b'"' if body.endswith(b'"') else b""), blobs)

    def value(self) -> Any:
        """The text as JSON, numbers as they are written; raises InvalidJSON, for a member given twice too."""
        try:
            value = _DECODER.decode(self.text.decode())
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no character
        except (ValueError, RecursionError) as error:
            raise InvalidJSON(f"The request body cannot be read as JSON: {error}") from None
        return value

    def text_of(self, value: str) -> str:
        """A string of the body, where it was cut out too."""
        cut = self.blobs.get(value)
        return value if cut is None else str(json.loads(b'"' + bytes(cut) + b'"'))

    def file(self, value: str, limit: int, param: str) -> bytes:
        """What a string holds in base64 (RFC 4648, 4 or 5), padded or not, or in a data URL (RFC 2397).

        Raises InvalidBody for other characters and for nothing, RequestTooLarge for over `limit` bytes.
        """
        text: bytes | memoryview = self.blobs.get(value) or value.encode()
        if (scheme := _SCHEME.match(text)) is not None:
            text = memoryview(text)[scheme.end() :]
        if len(text) > encoded_size(limit):
            raise too_large(limit, param)
        plain = bytes(text)
        if value in self.blobs and b"\\" in plain:
            for escaped, meant in _ESCAPES:
                plain = plain.replace(escaped, meant)
        plain = plain.translate(_URL_SAFE, b" \t\r\n").rstrip(b"=")
        try:
            content = binascii.a2b_base64(plain + b"=" * (-len(plain) % 4), strict_mode=True)
        except binascii.Error:
            message = f"'{param}' is not base64 (RFC 4648)"
            raise InvalidBody(message, param=param, code="invalid_base64") from None
        if not content:
            raise InvalidBody(f"'{param}' is empty", param=param, code="empty_file")
        if len(content) > limit:
            raise too_large(limit, param)
        return content


class Number(str):
    """A number of JSON, as it is written."""

    __slots__ = ()


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON's")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in members if names.count(name) > 1)
        raise ValueError(f"the member '{twice[:64]}' is given a second time")
    return members


_DECODER = json.JSONDecoder(
    parse_int=Number, parse_float=Number, parse_constant=_no_number, object_pairs_hook=_once
)


def _is_blob(body: bytes, start: int, end: int) -> bool:
    if _BLOB.fullmatch(body, start, end) is None:
        return False
    return body.count(b"\\", start, end) == sum(body.count(meant, start, end) for meant in _MEANT)


def encoded_size(size: int) -> int:
    """The most characters that JSON has for so many bytes in base64: in lines, whose breaks are escaped."""
    return size * 4 // 3 + size // 12 + 1024


def too_large(limit: int, param: str) -> RequestTooLarge:
    """The refusal of a file over `limit` bytes."""
    message = f"'{param}' has more than the {limit:,} bytes that this operation takes"
    return RequestTooLarge(message, param=param, code="input_too_large")
