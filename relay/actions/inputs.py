"""The files of a form, by value, by reference or by address, as the members of a JSON body give them."""

import asyncio
import mimetypes
import re
from collections.abc import Iterator
from typing import Any

from generated.doors import Door, FormFile
from relay.actions.fetch import Fetched, Fetcher
from relay.actions.form import File
from relay.actions.payload import Payload
from relay.actions.room import Share
from relay.errors import FileUnreachable, InvalidBody

REFERENCES = "openaiFileIdRefs"
SECONDS = 30.0  # for all files together, of the 45 that an Action has
_NAMES = ("filename", "mime_type")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_NAME_BYTES = 255
_ANY = "application/octet-stream"
_BEGINNINGS = {"image/png": b"\x89PNG\r\n\x1a\n"}


class Inputs:
    """Reads the files of one body. What belongs to them leaves `members`; the form's other fields stay."""

    def __init__(
        self, door: Door, payload: Payload, members: dict[str, Any], fetcher: Fetcher, share: Share
    ) -> None:
        self._door = door
        self._payload = payload
        self._fetcher = fetcher
        self._share = share
        self._members = members
        self._references = list(enumerate(members.pop(REFERENCES, [])))
        self._left = {file.name: file.max_bytes for file in door.files}

    async def files(self) -> list[tuple[str, File]]:
        """The files by the names of their fields; raises RelayError, with the member at fault."""
        given = {file.name: list(self._given(file)) for file in self._door.files}
        named = {name: self._members.pop(name) for name in _NAMES if name in self._members and self._flat()}
        self._distribute(given)
        for file in self._door.files:
            self._check_number(file, given[file.name])
        if named and not given[str(self._flat())]:
            param = next(iter(named))
            raise InvalidBody(f"'{param}' is given without a file", param=param, code="invalid_value")
        found: list[tuple[str, File]] = []
        try:
            async with asyncio.timeout(SECONDS):
                for file in self._door.files:
                    name = f"{file.name}[]" if len(given[file.name]) > 1 else file.name
                    for param, value in given[file.name]:
                        said = named if file.name == self._flat() else {}
                        found.append((name, await self._file(file, param, value, said)))
        except TimeoutError:
            message = f"The files could not be fetched within {SECONDS:g} seconds"
            raise FileUnreachable(message, param=REFERENCES) from None
        return found

    def _distribute(self, given: dict[str, list[tuple[str, Any]]]) -> None:
        """Let the references be the files, in the order of the fields, where the body gives no other."""
        others = [file.name for file in self._door.files if given[file.name] or file.name in self._members]
        if self._references and others:
            message = f"Files are given by '{REFERENCES}' or in another way, and not in both"
            raise InvalidBody(message, param=REFERENCES, code="too_many_files")
        for file in self._door.files:
            number = None if file.several else 1
            given[file.name] += [(f"{REFERENCES}.{n}", value) for n, value in self._references[:number]]
            del self._references[:number]
        if self._references:
            message = f"'{REFERENCES}' has more files than this operation takes"
            raise InvalidBody(message, param=REFERENCES, code="too_many_files")

    def _flat(self) -> str | None:
        """The form field that `filename` and `mime_type` in the body itself belong to."""
        return next((file.name for file in self._door.files if file.base64), None)

    def _given(self, file: FormFile) -> Iterator[tuple[str, Any]]:
        """What the body gives for a file: the member at fault where it is wrong, and its value."""
        own = self._members.get(file.name) if file.member else None
        if isinstance(own, list):
            yield from ((f"{file.name}.{n}", value) for n, value in enumerate(own))
        elif own is not None and not _is_other(file, own):
            yield file.name, own
        if own is not None and not _is_other(file, own):
            del self._members[file.name]
        for member in file.base64:
            if member in self._members:
                yield member, {"data_base64": self._members.pop(member)}
        for member in file.url:
            if member in self._members:
                yield member, self._members.pop(member)

    def _check_number(self, file: FormFile, given: list[tuple[str, Any]]) -> None:
        if len(given) > 1 and not file.several:
            second = given[1][0]
            message = f"'{second}' is one file too many: this operation takes one {file.name}"
            raise InvalidBody(message, param=second, code="too_many_files")
        if not given and file.required and file.name not in self._members:
            param = next(iter(file.base64), file.name) if not file.member else file.name
            message = f"Missing {file.name} input: give '{param}' or '{REFERENCES}'"
            raise InvalidBody(message, param=param, code="missing_required_parameter")

    async def _file(self, file: FormFile, param: str, value: Any, named: dict[str, str]) -> File:
        left = self._left[file.name]
        if isinstance(value, dict) and "data_base64" in value:
            place = param if param in file.base64 else f"{param}.data_base64"
            content = await asyncio.to_thread(self._payload.file, value["data_base64"], left, place)
            made = {**value, **named}
        else:
            link = value["download_link"] if isinstance(value, dict) else value
            said = (
                {"filename": value.get("name"), "mime_type": value.get("mime_type")} if link != value else {}
            )
            fetched = await self._fetched(self._payload.text_of(link), left, param)
            content = fetched.content
            made = {"filename": fetched.name, "mime_type": fetched.media_type}
            made |= {name: text for name, text in (*said.items(), *named.items()) if text}
        self._left[file.name] = left - len(content)
        name, kind = _named(file, made.get("filename"), made.get("mime_type"), param)
        _check_kind(file, content, param)
        return File(name, kind, content)

    async def _fetched(self, link: str, left: int, param: str) -> Fetched:
        """The file at an address, with room taken for the largest that it may be."""
        self._share.more(left)
        fetched = await self._fetcher.fetch(link, left, param)
        self._share.more(len(fetched.content) - left)
        return fetched


def _is_other(file: FormFile, value: Any) -> bool:
    """Whether a value is no file but the operation's own way of naming one."""
    return file.others and isinstance(value, dict) and not {"data_base64", "download_link"} & value.keys()


def _named(file: FormFile, name: str | None, media_type: str | None, param: str) -> tuple[str, str]:
    """File name and media type; each is made of the other one where only that is known."""
    inside = "" if param in file.base64 else f"{param}."
    kind = (media_type or "").strip().lower()
    kind = kind or mimetypes.guess_type(name or "")[0] or next(iter(file.media_types), _ANY)
    if not _MEDIA_TYPE.fullmatch(kind):
        message = f"'{kind[:64]}' is no media type"
        raise InvalidBody(message, param=f"{inside}mime_type", code="invalid_media_type")
    if file.media_types and kind not in file.media_types and kind != _ANY:
        allowed = " or ".join(file.media_types)
        message = f"'{param}' must be {allowed}, but it is {kind}"
        raise InvalidBody(message, param=param, code="unsupported_file_type")
    kind = file.media_types[0] if file.media_types else kind
    name = name or file.name + (mimetypes.guess_extension(kind) or "")
    # It may have slashes: the files of a skill stand in folders.
    if not name.isprintable() or "\\" in name or len(name.encode()) > _NAME_BYTES:
        message = f"A file name has printable characters but no backslash, and at most {_NAME_BYTES} bytes"
        raise InvalidBody(message, param=f"{inside}filename", code="invalid_filename")
    return name, kind


def _check_kind(file: FormFile, content: bytes, param: str) -> None:
    beginnings = [_BEGINNINGS[name] for name in file.media_types]
    if beginnings and not content.startswith(tuple(beginnings)):
        allowed = " or ".join(file.media_types)
        raise InvalidBody(f"'{param}' must be {allowed}", param=param, code="unsupported_file_type")
