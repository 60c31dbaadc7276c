"""Requests of every kind for a soak: a cheap upstream, and clients that stay, leave, break off and err."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.relay.wire import CHAT, CHAT_BODY, LAST_CHUNK, STREAM_BODY, chunk, request
from tests.reliability.kept import whole

_SECONDS = 60  # a bound, no measurement
_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'
_EVENTS = 20
_DONE = b"data: [DONE]\n\n"
_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)
_FORM = "content-type: multipart/form-data; boundary=b"
_JSON = "content-type: application/json"
_UPLOAD = bytes(256 * 1024)
_DOWNLOAD = bytes(64 * 1024)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """A body by its framing; raises IncompleteReadError where it ends too early."""
    if not _CHUNKED.search(head):
        length = _LENGTH.search(head)
        return await reader.readexactly(int(length[1]) if length else 0)
    body = bytearray()
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return bytes(body)


@dataclass
class Upstream:
    """Answers each request as the last word of its query says; `rest` closes what it was connected to."""

    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                pass
        self.writers.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether another may follow."""
        head = await _head(reader)
        await _body(reader, head)
        kind = head.split(b" ", 2)[1].rpartition(b"=")[2].decode()
        if kind == "silent":
            await reader.read()
        elif kind in {"streamed", "left", "broken"}:
            writer.write(_STREAM)
            for _ in range(_EVENTS):
                writer.write(chunk(_EVENT))
                await writer.drain()
            if kind == "left":
                await reader.read()
            elif kind == "streamed":
                writer.write(chunk(_DONE) + LAST_CHUNK)
                return True
        else:
            writer.write(_ANSWERS.get(kind, b""))
            return kind in {"plain", "limited", "download"}
        return False

    def rest(self) -> None:
        """Close every connection."""
        for writer in self.writers:
            writer.close()


_ANSWERS = {
    "plain": whole(CHAT_BODY, b"content-type: application/json"),
    "limited": whole(b'{"error":{}}', b"retry-after: 1").replace(b"200 OK", b"429 Too Many Requests"),
    "download": whole(_DOWNLOAD),
    "garbage": b"no http\r\n\r\n",
}


class Client:
    """One client: a connection to the relay, made anew where the last request ended it."""

    def __init__(self, root: str) -> None:
        self._host, _, self._port = root.removeprefix("http://").partition(":")
        self._streams: Streams | None = None

    async def say(self, data: bytes) -> asyncio.StreamReader:
        """Send `data`; gives the side to read the answer from."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(data)
        await writer.drain()
        return reader

    async def leave(self) -> None:
        """Close the connection, whatever is under way."""
        if self._streams is not None:
            self._streams[1].close()
            with suppress(OSError):
                await self._streams[1].wait_closed()
            self._streams = None

    async def answer(self, data: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to `data`."""
        reader = await self.say(data)
        head = await _head(reader)
        body = await _body(reader, head)
        if b"\r\nconnection: close\r\n" in head:
            await self.leave()
        return int(head.split()[1]), body


Scene = Callable[[Client], Awaitable[bool]]


def _asks(data: bytes, status: int, body: bytes | None = None) -> Scene:
    """A request that is answered with this status, and with this body where it is said."""

    async def scene(client: Client) -> bool:
        answered, received = await client.answer(data)
        return answered == status and body in {None, received}

    return scene


def _leaves(data: bytes, after: bytes) -> Scene:
    """A request whose client leaves once it has read `after`."""

    async def scene(client: Client) -> bool:
        reader = await client.say(data)
        if after:
            await reader.readuntil(after)
        await client.leave()
        return True

    return scene


async def _breaks(client: Client) -> bool:
    """A stream that the upstream breaks off: the client sees every event, the error, and no end."""
    reader = await client.say(_post("broken", STREAM_BODY))
    received = await reader.read(-1)
    await client.leave()
    told = received.count(_EVENT) == _EVENTS and b'"upstream_unreachable"' in received
    return told and not received.endswith(LAST_CHUNK)


def _post(kind: str, body: bytes = CHAT_BODY, *fields: str) -> bytes:
    return request("POST", f"{CHAT}?kind={kind}", _JSON, *fields, body=body)


def _upload(*fields: str, body: bytes) -> bytes:
    return request("POST", "/v1/files?kind=plain", _FORM, *fields, body=body)


SCENES: dict[str, tuple[int, Scene]] = {
    "plain": (40, _asks(_post("plain"), 200, CHAT_BODY)),
    "plain, closing": (10, _asks(_post("plain", CHAT_BODY, "connection: close"), 200, CHAT_BODY)),
    "streamed": (15, _asks(_post("streamed", STREAM_BODY), 200, _EVENT * _EVENTS + _DONE)),
    "left mid-stream": (8, _leaves(_post("left", STREAM_BODY), _EVENT)),
    "left unanswered": (6, _leaves(_post("silent"), b"")),
    "left after the head": (2, _leaves(_post("streamed", STREAM_BODY), b"\r\n\r\n")),
    "upload": (3, _asks(_upload(body=_UPLOAD), 200)),
    "chunked upload": (
        3,
        _asks(_upload("transfer-encoding: chunked", body=chunk(_UPLOAD) + LAST_CHUNK), 200),
    ),
    "cut upload": (2, _leaves(_upload(f"content-length: {2 * len(_UPLOAD)}", body=_UPLOAD), b"")),
    "download": (3, _asks(request("GET", "/v1/models?kind=download"), 200, _DOWNLOAD)),
    "limited": (3, _asks(_post("limited"), 429)),
    "no answer": (2, _asks(_post("closed"), 502)),
    "no http": (1, _asks(_post("garbage"), 502)),
    "broken stream": (2, _breaks),
    "wrong key": (2, _asks(_post("plain").replace(b"Bearer ", b"Bearer no-"), 401)),
    "no json": (2, _asks(_post("plain", b"{no}"), 400)),
    "no such path": (1, _asks(request("GET", "/nowhere"), 404)),
    "health": (2, _asks(request("GET", "/live"), 200)),
}


async def drive(root: str, requests: int, clients: int, seed: int) -> dict[str, int]:
    """Send so many requests from so many clients at once; which kinds went otherwise than they should."""
    chance = random.Random(seed)  # noqa: S311 - the same traffic each time
    weights = [weight for weight, _ in SCENES.values()]
    drawn = iter(chance.choices(list(SCENES), weights, k=requests))
    wrong: dict[str, int] = {}

    async def one() -> None:
        client = Client(root)
        for name in drawn:
            try:
                async with asyncio.timeout(_SECONDS):
                    right = await SCENES[name][1](client)
            except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
                right = False
            if not right:
                wrong[name] = wrong.get(name, 0) + 1
                await client.leave()
        await client.leave()

    await asyncio.gather(*(one() for _ in range(clients)))
    return wrong
