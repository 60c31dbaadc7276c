"""What a client at a door gets: JSON that it can read, or a file in base64 within JSON."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.types import Message, Send

from generated.doors import Door
from generated.operations import OPERATIONS
from relay.actions.naming import media_type_of
from relay.actions.outputs import FILE_BYTES, FILES, taken_out, whole
from relay.errors import ResultTooLarge, UpstreamInvalid
from relay.headers import FRAMING, RawHeaders, coding_of

CHARACTERS = 100_000  # of an answer that GPT Actions read
_MOST_BYTES = 64 * 1024 * 1024
_READABLE = ("application/json", "text/plain")
_OF_A_BODY = (*FRAMING, b"content-type", b"content-disposition", b"accept-ranges", b"etag", b"last-modified")


@dataclass(slots=True)
class Answer:
    """An answer that is kept instead of sent, up to `limit` bytes; beyond, ResultTooLarge with `hint`."""

    limit: int
    hint: str
    status: int = 0
    headers: RawHeaders = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    async def take(self, message: Message) -> None:
        """Take a part of the answer, as ASGI gives it."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        self.body += message.get("body", b"")
        if len(self.body) > self.limit:
            raise ResultTooLarge(self.hint)

    @property
    def media_type(self) -> str:
        """The media type in lower case, empty where none is told."""
        return media_type_of(self.headers) or ""

    def json(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def replace(self, value: Any) -> None:
        """Let the body be `value`, as JSON."""
        self.headers = [field for field in self.headers if field[0] not in _OF_A_BODY]
        self.headers.append((b"content-type", b"application/json"))
        self.body = bytearray(json.dumps(value).encode())

    async def send(self, send: Send, *, bodiless: bool) -> None:
        """Send what was kept; an answer to HEAD has no length that would be known."""
        headers = [field for field in self.headers if field[0] not in FRAMING]
        if not bodiless:
            headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.body)})


def answer_of(door: Door, *, limited: bool) -> Answer:
    """Room for what the operation behind `door` answers; `limited` to what GPT Actions read."""
    behind = OPERATIONS[door.wraps]
    at = f"{behind.method} {behind.path}"
    if door.answers_file or door.encoded[0]:
        hint = f"More than {FILES} files, or one of over {FILE_BYTES:,} bytes: get what there is at {at}"
        return Answer(FILE_BYTES if door.answers_file else _MOST_BYTES, hint)
    narrow = ", ".join(f"'{name}'" for name in door.narrowed_by)
    hint = f"Narrow it with {narrow}, or" if narrow else "There is nothing to narrow it with:"
    hint = f"The answer has more than {CHARACTERS:,} characters. {hint} ask for it at {at}"
    return Answer(4 * CHARACTERS if limited else _MOST_BYTES, hint)  # four bytes a character, at most


def finish(door: Door, answer: Answer, path: str, *, limited: bool) -> None:
    """Make of `answer` what the client reads; raises ResultTooLarge, UpstreamInvalid.

    `path` names a file that has no name of its own.
    """
    if coding_of(answer.headers) is not None:
        raise UpstreamInvalid("The upstream answered in a coding that it was not asked for")
    readable = answer.media_type.startswith(_READABLE) or not answer.body
    if door.answers_file and answer.status < HTTPStatus.BAD_REQUEST and not readable:
        files = whole(bytes(answer.body), answer.headers, answer.media_type, path)
        answer.replace({"openaiFileResponse": files})
        return
    text, files = answer.body.decode("utf-8", "replace"), []
    if door.encoded[0]:
        rest, files = taken_out(answer.json(), *door.encoded)
        text = json.dumps(rest) if files else text
    too_many = len(files) > FILES or any(len(file["content"]) > FILE_BYTES * 4 // 3 + 4 for file in files)
    if limited and (too_many or len(text) > CHARACTERS):
        raise ResultTooLarge(answer.hint)
    if files:
        answer.replace({**rest, "openaiFileResponse": files})
