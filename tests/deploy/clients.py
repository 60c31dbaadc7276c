"""Clients that stream, upload and ask without a pause, and hold each answer to all that it has to be."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from tests.servers import RELAY_KEY

_WORDS = 30
_PAUSE_MS = 60
_PIECE = 65_536
_PIECES = 24
_SECONDS = 120


@dataclass
class Outcome:
    """What came of the requests: how many of each kind were whole, and what was wrong with the others."""

    whole: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


class Crowd:
    """Clients of the relay at `root`, each with one request after another until the block ends.

    Those that do not `keep` their connections open one for each request.
    """

    def __init__(
        self, root: str, *, streams: int = 12, uploads: int = 4, questions: int = 4, keep: bool = True
    ) -> None:
        self.outcome = Outcome()
        self._stopping = asyncio.Event()
        self._client = httpx.AsyncClient(
            base_url=f"{root}/v1",
            headers={"authorization": f"Bearer {RELAY_KEY}"},
            timeout=_SECONDS,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None if keep else 0),
        )
        kinds = [self._stream] * streams + [self._upload] * uploads + [self._question] * questions
        self._tasks = [asyncio.create_task(self._repeat(kind, number)) for number, kind in enumerate(kinds)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let each client end what it does."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def seen(self, *kinds: str) -> None:
        """Return once each kind has had a whole answer since now."""
        before = self.outcome.whole.copy()
        async with asyncio.timeout(_SECONDS):
            while not all(self.outcome.whole[kind] > before[kind] for kind in kinds):
                assert not self.outcome.lost, self.outcome.lost
                await asyncio.sleep(0.05)

    async def _repeat(self, kind: Any, number: int) -> None:
        draw = random.Random(number)  # noqa: S311 - it decides about sizes and contents of a test
        while not self._stopping.is_set():
            name = kind.__name__.removeprefix("_")
            try:
                wrong = await kind(draw)
            except httpx.HTTPError as error:
                wrong = repr(error)
            if wrong:
                self.outcome.lost.append(f"{name}: {wrong}")
            else:
                self.outcome.whole[name] += 1

    async def _stream(self, draw: random.Random) -> str:
        said = " ".join(str(draw.random()) for _ in range(draw.randrange(_WORDS // 3, _WORDS)))
        headers = {"x-sandbox-reply": said, "x-sandbox-delay-ms": str(_PAUSE_MS)}
        body = {"model": "m", "stream": True, "input": "Speak"}
        events: list[str] = []
        deltas = ""
        async with self._client.stream("POST", "/responses", json=body, headers=headers) as answer:
            if answer.status_code != 200:
                return f"{answer.status_code} {await answer.aread()!r}"
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    events.append(line.removeprefix("event: "))
                elif line.startswith("data: ") and events[-1:] == ["response.output_text.delta"]:
                    deltas += str(_value(line)["delta"])
        if events[-1:] != ["response.completed"]:
            return f"it ended with {events[-1:]}"
        return "" if deltas == said else f"it said {deltas!r} instead of {said!r}"

    async def _upload(self, draw: random.Random) -> str:
        content = draw.randbytes(_PIECE) * _PIECES
        told = {"content-type": "multipart/form-data; boundary=b"}
        made = await self._client.post("/files", content=_form(content), headers=told)
        if made.status_code != 200:
            return f"{made.status_code} {made.text}"
        got = await self._client.get(f"/files/{made.json()['id']}/content")
        if got.status_code != 200:
            return f"{got.status_code} {got.text}"
        same = hashlib.sha256(got.content).digest() == hashlib.sha256(content).digest()
        deleted = await self._client.delete(f"/files/{made.json()['id']}")
        return "" if same and deleted.status_code == 200 else f"{len(got.content)} bytes, deleted {deleted}"

    async def _question(self, draw: random.Random) -> str:
        body = {"model": "m", "input": str(draw.random())}
        answer = await self._client.post("/embeddings", json=body)
        return "" if answer.status_code == 200 else f"{answer.status_code} {answer.text}"


def _value(line: str) -> dict[str, Any]:
    value: dict[str, Any] = httpx.Response(200, text=line.removeprefix("data: ")).json()
    return value


async def _form(content: bytes) -> AsyncIterator[bytes]:
    """A form with one file, sent without a Content-Length and in pieces that take a second and a half."""
    disposition = 'Content-Disposition: form-data; name="{}"'
    yield f"--b\r\n{disposition.format('purpose')}\r\n\r\nvision\r\n--b\r\n".encode()
    yield f'{disposition.format("file")}; filename="a.bin"\r\n\r\n'.encode()
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]
        await asyncio.sleep(0.06)
    yield b"\r\n--b--\r\n"
