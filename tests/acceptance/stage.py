"""A relay over its sandbox, behind what a test puts before it, and what a check has left there."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relay.app import create_app
from relay.serving.server import server_config
from relay.settings import load_settings
from tests.servers import serving

Json = dict[str, Any]
Spoil = Callable[[int, bytes, Scope], tuple[int, bytes]]
KEY = "relay-key-that-nobody-may-read"
BATCH = "GET /v1/batches/[^/]+"
_OVER = frozenset({"completed", "failed", "cancelling", "cancelled"})


def _matches(request: str, scope: Scope) -> bool:
    return scope["type"] == "http" and bool(re.fullmatch(request, f"{scope['method']} {scope['path']}"))


@dataclass
class Spoiled:
    """`app`, whose whole answers to `request` (an expression over method and path) pass through `spoil`."""

    app: ASGIApp
    request: str
    spoil: Spoil

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _matches(self.request, scope):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def collect(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
            body += message.get("body", b"")

        await self.app(scope, receive, collect)
        status, body = self.spoil(start["status"], body, scope)
        kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await send({**start, "status": status, "headers": kept})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Rewritten:
    """`app`, in each piece of whose answers `pattern` is replaced, without holding any back."""

    app: ASGIApp
    pattern: bytes
    instead: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def pass_on(message: Message) -> None:
            if message.get("body"):
                message = {**message, "body": re.sub(self.pattern, self.instead, message["body"])}
            await send(message)

        await self.app(scope, receive, pass_on)


@dataclass
class Retold:
    """`app`, in whose WebSockets what matches `pattern` is told as `instead`; an event of nothing is not."""

    app: ASGIApp
    pattern: str
    instead: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def pass_on(message: Message) -> None:
            if message["type"] == "websocket.send":
                message = {**message, "text": re.sub(self.pattern, self.instead, message["text"])}
            if message.get("text") != "":
                await send(message)

        await self.app(scope, receive, pass_on)


def stuck(app: ASGIApp) -> ASGIApp:
    """`app`, whose batches make no progress.

    The sandbox takes a batch further when it is retrieved and not when it is listed: each is retrieved from
    the list.
    """

    async def listing(scope: Scope, receive: Receive, send: Send) -> None:
        if _matches(BATCH, scope):
            scope = {**scope, "path": "/v1/batches", "raw_path": b"/v1/batches"}
        await app(scope, receive, send)

    def in_progress(status: int, whole: bytes, scope: Scope) -> tuple[int, bytes]:
        [batch] = [one for one in json.loads(whole)["data"] if scope["path"].endswith(one["id"])]
        return status, json.dumps({**batch, "status": "in_progress"}).encode()

    return Spoiled(listing, BATCH, in_progress)


@dataclass
class Stage:
    """A relay, served at `root` as `front`: the relay itself until a test sets it."""

    relay: ASGIApp
    front: ASGIApp
    root: str = ""
    uploads: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Spoiled(self.front, "POST /v1/uploads", self._noted)(scope, receive, send)

    def _noted(self, status: int, whole: bytes, _scope: Scope) -> tuple[int, bytes]:
        if status == 200:
            self.uploads.append(json.loads(whole)["id"])
        return status, whole

    def left(self) -> list[str]:
        """See `left`; of every upload that was made here."""
        return left(self.root, KEY, self.uploads)


@contextmanager
def staged() -> Iterator[Stage]:
    """Serve a relay over a sandbox of its own, which takes KEY."""
    settings = load_settings(openai_api_base="sandbox:", relay_key=KEY, relay_port=0)
    relay = create_app(settings)
    stage = Stage(relay, relay)
    with serving(server_config(stage, settings)) as stage.root:
        yield stage


def listed(root: str, key: str, collection: str) -> list[Json]:
    """What the relay at `root` lists of a collection: `files` or `batches`."""
    answer = httpx.get(f"{root}/v1/{collection}", headers=_shown(key)).raise_for_status()
    found: list[Json] = answer.json()["data"]
    return found


def left(root: str, key: str, uploads: Iterable[str]) -> list[str]:
    """The ids of the files, the batches, and those of `uploads`, that are still there and not over.

    Uploads cannot be listed or read; one that can still be cancelled is not over.
    """
    batches = [batch["id"] for batch in listed(root, key, "batches") if batch["status"] not in _OVER]
    files = [file["id"] for file in listed(root, key, "files")]
    return [*files, *batches, *(upload for upload in uploads if _is_pending(root, key, upload))]


def _is_pending(root: str, key: str, upload: str) -> bool:
    answer = httpx.post(f"{root}/v1/uploads/{upload}/cancel", headers=_shown(key))
    assert answer.status_code == 200 or answer.json()["error"]["code"] == "invalid_upload_status"
    return answer.status_code == 200


def _shown(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
