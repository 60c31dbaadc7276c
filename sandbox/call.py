"""What a handler is given, and what it may answer."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from sandbox import fields
from sandbox.bodies import JsonObject, parse_object
from sandbox.contract import Operation
from sandbox.errors import missing, wrong_type
from sandbox.events import EventStream, Streams, delay_of
from sandbox.forms import File, Form
from sandbox.ids import Ids
from sandbox.render import render
from sandbox.store import Store

_MAX_DIGITS = 20


@dataclass(frozen=True)
class Sandbox:
    """What all requests to one sandbox share.

    ``perform`` answers a request that the sandbox makes of itself: method, path below the base, JSON body.
    ``closing`` is set when the sandbox ends.
    """

    store: Store
    streams: Streams
    perform: Callable[[str, str, bytes], Awaitable[Response]]
    closing: threading.Event = field(default_factory=threading.Event)

    async def turn(self) -> None:
        """Let other requests have their turn; ``ClientDisconnect`` where the sandbox ends meanwhile."""
        await asyncio.sleep(0)
        if self.closing.is_set():
            raise ClientDisconnect


@dataclass(frozen=True)
class Call:
    """One request, read whole.

    ``path`` is below the base, ``parameters`` are those of the path. ``form`` is there for a multipart body,
    ``body`` for any other. ``head`` is for HEAD, which is answered like GET but changes nothing.
    """

    operation: Operation
    path: str
    parameters: dict[str, str]
    query: QueryParams
    headers: Headers
    body: bytes
    form: Form | None
    ids: Ids
    sandbox: Sandbox
    head: bool = False

    @property
    def store(self) -> Store:
        """What the sandbox remembers."""
        return self.sandbox.store

    @cached_property
    def given(self) -> JsonObject:
        """The fields of the body, JSON or form; none where it is absent, 400 where it is no object."""
        if self.form is not None:
            return self.form.fields
        return parse_object(self.body) if self.body.strip() else {}

    @property
    def collection(self) -> str:
        """The concrete path of the collection: without the last segment where that names an item."""
        return self.path.rpartition("/")[0] if self.operation.item_parameter else self.path

    def file(self, name: str) -> File:
        """Return the file of a form's field; 400 where it is missing."""
        found = self.form.files.get(name) if self.form else None
        if not found:
            raise missing(name)
        return found[0]

    def fresh(self) -> Ids:
        """Return ids for what this request makes: others for each time that it is repeated."""
        seed = self.path.encode() + b"\0" + (self.form.digest if self.form else self.body)
        return self.ids.repeated(self.store.repeated(seed))

    def answer(self, facts: Any) -> JSONResponse:
        """Return the operation's JSON answer, made from facts."""
        schema = self.operation.answer
        return JSONResponse(facts if schema is None else render(schema, facts), self.operation.status)

    def stream(self, frames: Iterable[bytes]) -> EventStream:
        """Return an answer that sends the frames one by one, at the pace asked for; none to HEAD."""
        shown = () if self.head else frames
        return EventStream(shown, delay=delay_of(self.headers), streams=self.sandbox.streams)

    def flag(self, name: str) -> bool:
        """Whether a field of the request or of its query is true."""
        value = self.query.get(name) if name in self.query else self.given.get(name)
        return value is True or value == "true"

    def number(self, name: str, otherwise: int, low: int, high: int) -> int:
        """Return a natural number of the query; 400 for what is none or out of bounds."""
        text = self.query.get(name)
        if text is None:
            return otherwise
        # Python reads no more than 4,300 digits as a number.
        if len(text) > _MAX_DIGITS or not (text.isascii() and text.removeprefix("-").isdigit()):
            raise wrong_type(name, fields.INTEGER.name, text)
        number = int(text)
        fields.bounded({name: number}, name, low, high)
        return number


Handler: TypeAlias = Callable[[Call], Response | Awaitable[Response]]
