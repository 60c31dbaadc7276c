"""What a client at a door gets: JSON that it can read, or a file in base64 within JSON."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from generated.doors import DOORS, Door
from relay.actions.naming import media_type_of
from relay.actions.outputs import FILE_BYTES, FILES, taken_out, whole
from relay.actions.room import Share
from relay.contract import operation_of
from relay.errors import ResultTooLarge, UpstreamInvalid
from relay.headers import FRAMING, RawHeaders, coding_of

CHARACTERS = 100_000  # of an answer that GPT Actions read
_MOST_BYTES = 64 * 1024 * 1024
_READABLE = {"", "application/json", "text/plain"}
_FILE_CHARACTERS = FILE_BYTES * 4 // 3 + 4
# Of a file: itself, its base64, and the JSON that holds that.
_COPIES = 4
ONLY = "only"
_NARROWED_BY = {door.wraps: door.narrowed_by for door in DOORS.values()}
_OF_A_BODY = (*FRAMING, b"content-type", b"content-disposition", b"accept-ranges", b"etag", b"last-modified")


@dataclass(slots=True)
class Answer:
    """An answer that is kept instead of sent, up to `limit` bytes.

    `at` says where there is no such limit (`GET /v1/files`), `narrowed_by` what makes the answer smaller. Of
    its `share` it takes what it holds, and what is made of it.
    """

    limit: int
    at: str
    narrowed_by: tuple[str, ...] = ()
    share: Share | None = None
    status: int = 0
    headers: RawHeaders = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    async def take(self, message: Message) -> None:
        """Take a part of the answer, as ASGI gives it; raises ResultTooLarge and RelayBusy."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        part = message.get("body", b"")
        if self.share is not None:
            self.share.more(len(part) * _COPIES)
        self.body += part
        if len(self.body) > self.limit:
            raise self.too_large(files=self.limit == FILE_BYTES)

    @property
    def media_type(self) -> str:
        """The media type in lower case, empty where none is told."""
        return media_type_of(self.headers) or ""

    @property
    def succeeded(self) -> bool:
        """Whether the upstream did what was asked."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def too_large(self, *, files: bool = False) -> ResultTooLarge:
        """The refusal: of too many characters, or of files that are too many or too large."""
        what = f"The answer has more than {CHARACTERS:,} characters."
        if files:
            what = f"The answer has more than {FILES} files, or one of more than {FILE_BYTES:,} bytes."
        names = ", ".join(f"'{name}'" for name in self.narrowed_by)
        narrow = f" Narrow it with {names}." if names else ""
        return ResultTooLarge(f"{what}{narrow} There is no such limit at {self.at}")

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
        """Send what was kept; an answer to HEAD has no length that would be known (RFC 9110, 8.6)."""
        headers = [field for field in self.headers if field[0] not in FRAMING]
        if not bodiless and self.status != HTTPStatus.NO_CONTENT:
            headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.body)})


def answer_of(door: Door, scope: Scope, share: Share, *, limited: bool) -> Answer:
    """Room for what the request `scope` behind `door` is answered; `limited` to what GPT Actions read."""
    at = f"{scope['method']} {scope['path']}"
    if door.answers_file:
        return Answer(FILE_BYTES, at, door.narrowed_by, share)
    if door.encoded[0]:
        return Answer(_MOST_BYTES, at, door.narrowed_by, share)
    limit = 4 * CHARACTERS if limited else _MOST_BYTES  # four bytes a character, at most
    return Answer(limit, at, door.narrowed_by)


def finish(door: Door, answer: Answer, path: str, *, limited: bool) -> None:
    """Make of `answer` what the client reads; raises ResultTooLarge, UpstreamInvalid.

    `path` names a file that has no name of its own. An error is given as it is.
    """
    if coding_of(answer.headers) is not None:
        raise UpstreamInvalid("The upstream answered in a coding that it was not asked for")
    if not answer.succeeded:
        return
    if door.answers_file and (door.answers_file == ONLY or answer.media_type not in _READABLE):
        files = whole(bytes(answer.body), answer.headers, answer.media_type, path)
        answer.replace({"openaiFileResponse": files})
        return
    text, files = answer.body.decode("utf-8", "replace"), []
    if door.encoded[0]:
        rest, files = taken_out(answer.json(), *door.encoded)
        text = json.dumps(rest) if files else text
    if limited and (len(files) > FILES or any(len(file["content"]) > _FILE_CHARACTERS for file in files)):
        raise answer.too_large(files=True)
    if limited and len(text) > CHARACTERS:
        raise answer.too_large()
    if files:
        answer.replace({**rest, "openaiFileResponse": files})


async def limited(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let `app` answer, and refuse what an Action could not read; raises ResultTooLarge."""
    answer = Answer(4 * CHARACTERS, f"{scope['method']} {scope['path']}")

    async def take(message: Message) -> None:
        operation = operation_of(scope)
        if operation is not None and operation.operation_id in _NARROWED_BY:
            answer.narrowed_by = _NARROWED_BY[operation.operation_id]
        await answer.take(message)

    await app(scope, receive, take)
    if answer.succeeded and len(answer.body.decode("utf-8", "replace")) > CHARACTERS:
        raise answer.too_large()
    await answer.send(send, bodiless=scope["method"] == "HEAD")
