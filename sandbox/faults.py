"""Faults on request, for people who test their own clients: ``x-sandbox-fault``."""

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sandbox.errors import ApiError

FAULT_HEADER = "x-sandbox-fault"
ABORT = "sandbox.abort"
MAX_DELAY_MS = 600_000
_FLAGS = frozenset({"stall", "malformed"})
_NUMBERS = frozenset({"status", "retry-after", "cut-after", "delay-ms"})
_STATUSES = range(400, 600)
# What may stand in a Close frame (RFC 6455, 7.4, and the registry that it founds).
_CLOSE_CODES = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})


@dataclass(frozen=True)
class Fault:
    """What goes wrong with an answer.

    ``status`` replaces it by an error, with a ``retry_after`` in seconds if there is one. ``delay_ms`` pass
    before it begins. ``cut_after`` counts the events of a stream, or the bytes of another body, after which
    the connection breaks. ``stall`` sends no more than the first event, or no body. ``malformed`` breaks the
    JSON of the body, or of every event, and leaves the answer whole otherwise. An answer to HEAD has no body
    that could go wrong.
    """

    status: int | None = None
    retry_after: int | None = None
    cut_after: int | None = None
    delay_ms: int = 0
    stall: bool = False
    malformed: bool = False
    close: int | None = None

    def error(self) -> ApiError | None:
        """Return the error that stands in for the answer."""
        if self.status is None:
            return None
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        message = f"This is the error {self.status} that {FAULT_HEADER} asked for."
        return ApiError(self.status, message, code="sandbox_fault", headers=headers)


def fault_of(headers: Headers, *, socket: bool = False) -> Fault | None:
    """Return the fault that a request asks for, like ``status=429;retry-after=2``; 400 for an unknown one.

    ``close=CODE`` is known where the request is for a ``socket``.
    """
    text = headers.get(FAULT_HEADER)
    if text is None:
        return None
    numbers = _NUMBERS | {"close"} if socket else _NUMBERS
    asked: dict[str, int | bool] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name in _FLAGS and not value:
            asked[name] = True
        elif name in numbers and value.isascii() and value.isdigit():
            asked[name.replace("-", "_")] = int(value[:9])
        else:
            raise _unknown(part.strip())
    if asked.get("status", 400) not in _STATUSES or asked.get("close", 1000) not in _CLOSE_CODES:
        raise _unknown(text)
    asked["delay_ms"] = min(asked.get("delay_ms", 0), MAX_DELAY_MS)
    return Fault(**asked)  # type: ignore[arg-type]  # flags and numbers are told apart above


def _unknown(text: str) -> ApiError:
    known = "status=400 to 599, retry-after=SECONDS, cut-after=COUNT, delay-ms=MS, stall, malformed"
    known += ", and of a WebSocket close=CODE"
    message = f"Unknown fault '{text[:80]}' in {FAULT_HEADER}. Supported are, joined by ';': {known}."
    return ApiError(400, message, param=FAULT_HEADER, code="invalid_value")


class FaultyResponse(Response):
    """An answer that goes wrong on its way."""

    def __init__(self, response: Response, fault: Fault) -> None:
        super().__init__(status_code=response.status_code)
        self.raw_headers = response.raw_headers
        self._response = response
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, up to where it goes wrong."""
        self._response.raw_headers = self.raw_headers
        if await left_within(self._fault.delay_ms / 1000, receive):
            return
        if scope["method"] == "HEAD":
            await self._response(scope, receive, send)
            return
        events = self.headers.get("content-type", "").startswith("text/event-stream")
        try:
            await self._response(scope, receive, _Failing(self._fault, send, events=events))
        except _Broken:
            if not self._fault.stall:
                scope["extensions"][ABORT]()
            await _until_left(receive)


async def left_within(seconds: float, receive: Receive) -> bool:
    """Let time pass, in seconds; true as soon as the client of a request or of a WebSocket has left."""
    try:
        async with asyncio.timeout(seconds):
            await _until_left(receive)
    except TimeoutError:
        return False
    return True


async def _until_left(receive: Receive) -> None:
    while not (await receive())["type"].endswith(".disconnect"):
        pass


class _Broken(Exception):
    """Nothing more is to be sent."""


class _Failing:
    """The way of an answer's messages, up to where it breaks."""

    def __init__(self, fault: Fault, send: Send, *, events: bool) -> None:
        self._fault = fault
        self._send = send
        self._events = events
        self._stalled = fault.stall and events
        self._left = 1 if fault.stall and events else 0 if fault.stall else fault.cut_after

    async def __call__(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body = message.get("body", b"")
        if self._fault.malformed:
            body = _malformed(body)
        if self._left is not None:
            body = await self._cut(body)
        await self._send({**message, "body": body})

    async def _cut(self, body: bytes) -> bytes:
        assert self._left is not None
        size = 1 if self._events else len(body)
        if body and self._left < size:
            rest = b"" if self._events else body[: self._left]
            await self._send({"type": "http.response.body", "body": rest, "more_body": True})
            if self._stalled:
                # The stream is open until its client leaves, which cancels this.
                await asyncio.Event().wait()
            raise _Broken
        self._left -= size if body else 0
        return body


def _malformed(body: bytes) -> bytes:
    """``body`` of the same length with its first opening bracket turned around, so that it is no JSON."""
    return body.replace(b"{", b"}", 1)
