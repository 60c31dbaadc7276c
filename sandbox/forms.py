"""Reading multipart bodies as they arrive: files to ``Content``, fields to JSON by the contract's schemas."""

import hashlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sandbox.bodies import JsonObject, parse, too_large
from sandbox.content import MEMORY_BYTES, Content, Piece, no_room
from sandbox.contract import Operation
from sandbox.errors import ApiError
from sandbox.render import flattened, kinds, properties

MAX_FIELD_BYTES = 16 * 1024 * 1024
MAX_FIELDS_BYTES = 64 * 1024 * 1024
# The largest file, and room for what stands around it.
MAX_BYTES = 513 * 1024 * 1024
_DIGESTED_BYTES = 65_536
_STEP = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True)
class File:
    """A file of a form."""

    filename: str
    media_type: str
    content: Content


@dataclass(frozen=True)
class Form:
    """A multipart body: its files by field, its other fields as JSON, and a digest that tells forms apart.

    A name such as ``metadata[key]`` or ``file_ids[]`` tells of an object or an array. The digest is of names,
    values, and the first 64 KiB of each file, whatever the boundary was.
    """

    files: dict[str, list[File]]
    fields: JsonObject
    digest: bytes


class _Parser(MultiPartParser):
    spool_max_size = MEMORY_BYTES
    _text_bytes = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            self._text_bytes += end - start
            if self._text_bytes > MAX_FIELDS_BYTES:
                raise too_large(MAX_FIELDS_BYTES, "The text of the form's fields")
        super().on_part_data(data, start, end)


async def read_form(request: Request, operation: Operation) -> Form:
    """Return a multipart body; one that cannot be read is a 400.

    413 where it is over 513 MiB, declared or found while reading, or its text over 64 MiB; 503 where the
    system has no room for its files.
    """
    if int(request.headers.get("content-length", "0")) > MAX_BYTES:
        raise too_large(MAX_BYTES)
    parser = _Parser(
        request.headers, _bounded(request), max_files=2_000, max_fields=2_000, max_part_size=MAX_FIELD_BYTES
    )
    try:
        parsed = await parser.parse()
    except (MultiPartException, KeyError) as error:
        message = getattr(error, "message", "it has no boundary")
        raise ApiError(400, f"We could not parse the multipart body of your request: {message}") from error
    except OSError as error:
        raise no_room() from error
    known = properties(operation.bodies.get("multipart/form-data", {}))
    files: dict[str, list[File]] = {}
    fields: JsonObject = {}
    digest = hashlib.sha256()
    for name, value in parsed.multi_items():
        if isinstance(value, UploadFile):
            file = _file(value)
            files.setdefault(name.partition("[")[0], []).append(file)
            digest.update(repr((name, file.filename, file.content.size)).encode())
            digest.update(file.content.head(_DIGESTED_BYTES))
        else:
            digest.update(repr((name, value)).encode())
            _put(fields, name, value, known)
    return Form(files, fields, digest.digest())


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES:
            raise too_large(MAX_BYTES)
        yield chunk


def _file(value: UploadFile) -> File:
    content = Content([Piece(value.file)])
    return File(value.filename or "upload", value.content_type or "application/octet-stream", content)


def _put(fields: JsonObject, name: str, value: str, known: JsonObject) -> None:
    top, steps = name.partition("[")[0], _STEP.findall(name)
    schema = flattened(known.get(top, {}))
    if not steps and schema.get("type") != "array":
        fields[top] = _typed(value, schema)
    elif not steps:
        items = _typed(value, schema)
        fields[top] = items if isinstance(items, list) else [*fields.get(top, []), items]
    elif steps[0].isdigit() or not steps[0]:
        fields.setdefault(top, [])
        if isinstance(fields[top], list):
            fields[top].append(_typed(value, flattened(schema.get("items", {}))))
    else:
        fields.setdefault(top, {})
        if isinstance(fields[top], dict):
            part = flattened(schema.get("properties", {}).get(steps[0], {}))
            fields[top][steps[0]] = _typed(value, part)


def _typed(value: str, schema: JsonObject) -> Any:
    """A form's text as the JSON value that a schema wants, or as text where it is no such value."""
    wanted = kinds(schema)
    if "string" in wanted or not wanted - {"null"}:
        return value
    try:
        return parse(value.encode())
    except (ApiError, UnicodeEncodeError):
        return value
