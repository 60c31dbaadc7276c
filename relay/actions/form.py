"""Forms: multipart/form-data as it goes upstream (RFC 7578), written as OpenAI's own clients write it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from starlette.types import Message, Receive

# What would end a name, and every control character, has percent signs (WHATWG HTML, 4.10.21.8).
_ESCAPES = {number: f"%{number:02X}" for number in (*range(32), ord('"'), 127)}


@dataclass(frozen=True, slots=True)
class File:
    """A file on its way upstream."""

    filename: str
    media_type: str
    content: bytes


class Form:
    """A form in pieces, whose `length` in bytes is known; files are not copied."""

    def __init__(self, fields: list[tuple[str, str]], files: list[tuple[str, File]]) -> None:
        self._boundary = token_hex(16)
        self._pieces: list[bytes] = []
        for name, value in fields:
            self._add(f'name="{name.translate(_ESCAPES)}"\r\n', value.encode())
        for name, file in files:
            names = f'name="{name.translate(_ESCAPES)}"; filename="{file.filename.translate(_ESCAPES)}"'
            self._add(f"{names}\r\nContent-Type: {file.media_type}\r\n", file.content)
        self._pieces.append(f"--{self._boundary}--\r\n".encode())
        self.length = sum(map(len, self._pieces))

    @property
    def media_type(self) -> bytes:
        """The value of Content-Type."""
        return f"multipart/form-data; boundary={self._boundary}".encode()

    def _add(self, head: str, content: bytes) -> None:
        start = f"--{self._boundary}\r\nContent-Disposition: form-data; {head}\r\n"
        self._pieces += [start.encode(), content, b"\r\n"]

    def receive(self, then: Receive) -> Receive:
        """A `receive` that gives the form, and after it what the client does."""
        pieces = list(reversed(self._pieces))

        async def next_piece() -> Message:
            if not pieces:
                return await then()
            return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

        return next_piece


def pairs(members: Mapping[str, Any]) -> list[tuple[str, str]]:
    """JSON members as the fields of a form: `name[]` for items of lists, `name[key]` for members.

    A form knows no null and no empty list: there is no field for them.
    """
    return [pair for name, value in members.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _pairs(f"{name}[{key}]", part)
    elif isinstance(value, list):
        for part in value:
            yield from _pairs(f"{name}[]", part)
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value)
