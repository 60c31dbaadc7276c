"""The lines of a batch's input: each a request, judged before any of them is run."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from sandbox import fields
from sandbox.bodies import JsonObject, parse_object
from sandbox.content import Content
from sandbox.errors import ApiError

MAX_LINES = 50_000
MAX_ERRORS = 100
MAX_LINE_BYTES = 4 * 1024 * 1024
_BLANK_LINES = 1_000
_KINDS = {
    "custom_id": fields.STRING,
    "method": fields.STRING,
    "url": fields.STRING,
    "body": fields.OBJECT,
}


# Lets others have their turn; it may raise where there is to be no further one.
Turn: TypeAlias = Callable[[], Awaitable[None]]


@dataclass
class Judgement:
    """What the lines of an input come to: how many requests, of which model, and what is wrong with them."""

    total: int = 0
    model: str | None = None
    errors: list[JsonObject] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def note(self, error: ApiError, line: int | None = None) -> None:
        """Keep an error in the shape of a batch's ``errors``; the 101st and later are dropped."""
        if len(self.errors) < MAX_ERRORS:
            found = {"code": error.code, "message": error.message, "param": error.param, "line": line}
            self.errors.append(found)


async def judge(content: Content, endpoint: str, turn: Turn) -> Judgement:
    """Judge every line of an input, letting others have their turn between them."""
    found = Judgement()
    async for number, line in requests(content, turn):
        found.total += 1
        if found.total > MAX_LINES:
            message = f"The input file has more than the limit of {MAX_LINES} requests."
            found.note(ApiError(400, message, code="too_many_requests"))
            break
        try:
            _judge_line(line, endpoint, found)
        except ApiError as error:
            found.note(error, number)
    if not found.total:
        found.note(ApiError(400, "The input file is empty.", code="empty_file"))
    return found


async def requests(content: Content, turn: Turn) -> AsyncIterator[tuple[int, bytes]]:
    """Yield the lines that are not blank with their numbers, letting others have their turn."""
    for number, line in enumerate(content.lines(MAX_LINE_BYTES), 1):
        blank = not line.strip()
        if not blank or number % _BLANK_LINES == 0:
            await turn()
        if not blank:
            yield number, line


async def parsed(content: Content, turn: Turn) -> AsyncIterator[tuple[bytes, JsonObject]]:
    """Yield the lines of a judged input as bytes and as JSON, letting others have their turn between them."""
    async for _, line in requests(content, turn):
        yield line, parse_object(line)


def _judge_line(line: bytes, endpoint: str, found: Judgement) -> None:
    if len(line) > MAX_LINE_BYTES:
        message = f"This line is longer than the limit of {MAX_LINE_BYTES} bytes."
        raise ApiError(400, message, code="invalid_json_line")
    try:
        request = parse_object(line)
    except ApiError as error:
        message = "This line is not parseable as valid JSON."
        if error.code == "invalid_type":
            message = "This line is not a JSON object."
        raise ApiError(400, message, code="invalid_json_line") from error
    for name, kind in _KINDS.items():
        fields.require(request, [name])
        fields.check(request, {name: kind})
    _judge_target(request, endpoint)
    custom_id = request["custom_id"]
    if custom_id in found.seen:
        message = f"The custom_id '{custom_id[:100]}' is used by an earlier line of this file."
        raise ApiError(400, message, param="custom_id", code="duplicate_custom_id")
    found.seen.add(custom_id)
    _judge_model(request["body"], found)


def _judge_target(request: JsonObject, endpoint: str) -> None:
    if request["method"] != "POST":
        message = f"Invalid value: '{request['method'][:80]}'. Supported values are: 'POST'."
        raise ApiError(400, message, param="method", code="invalid_method")
    if request["url"] != endpoint:
        message = f"The URL '{request['url'][:200]}' does not match the endpoint of this batch, '{endpoint}'."
        raise ApiError(400, message, param="url", code="mismatched_url")


def _judge_model(body: JsonObject, found: Judgement) -> None:
    model = body.get("model")
    if not isinstance(model, str):
        return
    found.model = found.model or model
    if model != found.model:
        message = f"The model '{model[:80]}' is not that of earlier lines: a batch has requests to one model."
        raise ApiError(400, message, param="body.model", code="mismatched_model")
