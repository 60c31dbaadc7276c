"""Half a gigabyte crosses the relay in either direction while the relay holds next to nothing of it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.relay.large import (
    BLOCK,
    MIB,
    SECONDS,
    Bulk,
    Memory,
    Sum,
    body_of,
    connected,
    framed,
    head_of,
    serving_bulk,
)
from tests.relay.wire import request
from tests.servers import REAL_KEY, RELAY_KEY, running_relay

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read from Linux's /proc")

BLOCKS = 512
GROWTH_KIB = 32 * 1024
SANDBOX_GROWTH_KIB = 64 * 1024
HEAD = (
    b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
)
TAIL = b"\r\n--b--\r\n"
SETTINGS = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY, "RELAY_PORT": "0"}
framings = pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])


@dataclass
class Measured:
    """A relay in a process of its own, and the upstream behind it."""

    root: str
    memory: Memory
    upstream: Bulk


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    upstream = Bulk(BLOCKS)
    with ExitStack() as stack:
        stack.enter_context(serving_bulk(upstream))
        directory = tmp_path_factory.mktemp("large")
        variables = {**SETTINGS, "OPENAI_API_BASE": upstream.base_url}
        running = stack.enter_context(running_relay("serve", directory=directory, **variables))
        # What a first request leaves behind, modules and pools, is no part of what a body costs.
        upload(running.root, 1, upstream.begun.wait, chunked=True)
        yield Measured(running.root, Memory(running.process.pid), upstream)


def upload(root: str, blocks: int, begun: Callable[[float], bool], *, chunked: bool) -> bytes:
    """The answer to a form with a file of so many blocks, sent on once `begun` says that it arrives."""
    size = len(HEAD) + blocks * MIB + len(TAIL)
    framing = "transfer-encoding: chunked" if chunked else f"content-length: {size}"
    head = request("POST", "/v1/files", "content-type: multipart/form-data; boundary=b", framing)
    with connected(root) as connection, connection.makefile("rb") as stream:
        connection.sendall(head + b"".join(framed(HEAD, chunked=chunked)))
        assert begun(SECONDS), "the beginning did not arrive"
        for piece in (*[BLOCK] * blocks, TAIL):
            for part in framed(piece, chunked=chunked):
                connection.sendall(part)
        connection.sendall(b"0\r\n\r\n" if chunked else b"")
        answer = head_of(stream)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        return b"".join(body_of(stream, answer))


def at_once(_seconds: float) -> bool:
    return True


def download(root: str, path: str, seen: Callable[[int], None]) -> Sum:
    """What the content at a path comes to; `seen` is told the size so far."""
    received = Sum()
    with connected(root) as connection, connection.makefile("rb") as stream:
        connection.sendall(request("GET", path))
        for piece in body_of(stream, head_of(stream)):
            received.add(piece)
            seen(received.size)
    return received


@framings
def test_an_upload_is_passed_on_as_it_comes(measured: Measured, *, chunked: bool) -> None:
    measured.upstream.reset(chunked=chunked)
    before = measured.memory.begin()
    assert upload(measured.root, BLOCKS, measured.upstream.begun.wait, chunked=chunked) == b"{}"
    assert measured.upstream.received == Sum.of(HEAD, *[BLOCK] * BLOCKS, TAIL)
    assert measured.memory.peak() - before <= GROWTH_KIB


@framings
def test_a_download_is_passed_on_as_it_comes(measured: Measured, *, chunked: bool) -> None:
    measured.upstream.reset(chunked=chunked)
    before = measured.memory.begin()

    def go_on(size: int) -> None:
        # The upstream makes no second block before the first has arrived here.
        if size >= MIB:
            measured.upstream.go_on.set()

    assert download(measured.root, "/v1/containers/c/files/f/content", go_on) == Sum.of(*[BLOCK] * BLOCKS)
    assert measured.memory.peak() - before <= GROWTH_KIB


def test_the_sandbox_holds_no_large_file_either(tmp_path: Path) -> None:
    with ExitStack() as stack:
        sandbox = stack.enter_context(running_relay("sandbox", "--port", "0", directory=tmp_path))
        variables = {**SETTINGS, "OPENAI_API_BASE": f"{sandbox.root}/v1"}
        relay = stack.enter_context(running_relay("serve", directory=tmp_path, **variables))
        upload(relay.root, 1, at_once, chunked=True)
        memory = Memory(sandbox.process.pid)
        before = memory.begin()
        made = json.loads(upload(relay.root, BLOCKS, at_once, chunked=False))
        assert made["bytes"] == BLOCKS * MIB
        content = f"/v1/files/{made['id']}/content"
        assert download(relay.root, content, lambda _: None) == Sum.of(*[BLOCK] * BLOCKS)
        assert memory.peak() - before <= SANDBOX_GROWTH_KIB
