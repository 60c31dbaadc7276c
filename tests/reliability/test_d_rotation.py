"""Keys change in their files while clients are at work."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.faulty import Connection
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import CHAT, LAST_CHUNK, STREAM_BODY, chunk
from tests.reliability.plugin import Figure
from tests.reliability.stage import relay_process
from tests.servers import eventually

STREAMS, CLIENTS = 20, 5
OLD, NEW = "old-relay-key", "new-relay-key"
OLD_REAL, NEW_REAL = "sk-old-real-key", "sk-new-real-key"
WHOLE = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"


def asked(line: str, key: str, body: bytes = b"") -> bytes:
    """The bytes of a request that shows `key`."""
    content = [f"content-length: {len(body)}", "content-type: application/json"] if body else []
    head = [
        f"{line} HTTP/1.1",
        "host: r",
        "connection: close",
        f"authorization: Bearer {key}",
        *content,
        "",
        "",
    ]
    return "\r\n".join(head).encode() + body


async def answer_of(root: str, request: bytes) -> bytes:
    """All that the relay answers until it closes the connection."""
    host, _, port = root.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    try:
        return await reader.read()
    finally:
        writer.close()


async def first(root: str, key: str, status: int) -> float:
    """When the key got this status for the first time, in the loop's seconds."""
    while True:
        answer = await answer_of(root, asked("GET /v1/models", key))
        got = int(answer.split(b" ", 2)[1])
        assert got in {200, 401}
        if got == status:
            return asyncio.get_running_loop().time()


@pytest.mark.row("d24")
async def test_d24_a_key_rotated_under_load_drops_no_stream(tmp_path: Path, figure: Figure) -> None:
    over = asyncio.Event()
    began: list[None] = []
    real_keys: list[str] = []

    async def script(connection: Connection) -> None:
        head = await connection.request()
        found = re.search(rb"\r\nauthorization: Bearer (\S+)\r\n", head, re.IGNORECASE)
        assert found is not None
        real_keys.append(found[1].decode())
        if head.startswith(b"GET"):
            await connection.say(WHOLE)
            return
        await connection.say(SSE + b"connection: close\r\n" + CHUNKED + chunk(FIRST))
        began.append(None)
        await over.wait()
        await connection.say(chunk(LAST) + LAST_CHUNK)

    relay_keys, real = tmp_path / "relay", tmp_path / "real"
    relay_keys.write_text(OLD)
    real.write_text(OLD_REAL)
    files = {"RELAY_KEY_FILE": str(relay_keys), "OPENAI_API_KEY_FILE": str(real)}
    files |= {"RELAY_KEY": "", "OPENAI_API_KEY": ""}
    async with relay_process(script, tmp_path, **files) as (_, relay), asyncio.timeout(60):
        request = asked(f"POST {CHAT}", OLD, STREAM_BODY)
        streams = [asyncio.create_task(answer_of(relay.root, request)) for _ in range(STREAMS)]
        await eventually(lambda: len(began) == STREAMS)
        refused = [asyncio.create_task(first(relay.root, OLD, 401)) for _ in range(CLIENTS)]
        opened = asyncio.create_task(first(relay.root, NEW, 200))
        assert set(real_keys) == {OLD_REAL}
        rotated = asyncio.get_running_loop().time()
        for file, text in ((relay_keys, NEW), (real, NEW_REAL)):
            fresh = file.with_suffix(".fresh")
            fresh.write_text(text)
            fresh.replace(file)
        seconds = max(await asyncio.gather(*refused, opened)) - rotated
        while real_keys[-1] != NEW_REAL:
            await first(relay.root, NEW, 200)
        assert (await answer_of(relay.root, asked("GET /v1/models", OLD))).startswith(b"HTTP/1.1 401 ")
        over.set()
        answers = await asyncio.gather(*streams)
    figure("seconds until a key that left its file was refused", f"{seconds:.1f} s")
    assert len(answers) == STREAMS
    assert all(answer.endswith(chunk(FIRST) + chunk(LAST) + LAST_CHUNK) for answer in answers)
