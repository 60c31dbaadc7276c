"""Half a gigabyte crosses the relay in either direction while the relay holds next to nothing of it."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.relay.large import BLOCK, MIB, Bulk, Memory, Sum, download, serving_bulk, upload
from tests.reliability.plugin import Figure
from tests.reliability.stage import SETTINGS
from tests.servers import running_relay

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read from Linux's /proc")

GROWTH_KIB = 32 * 1024
FILES, PARTS = "/v1/files", "/v1/uploads/upload_1/parts"
CONTENT = "/v1/containers/c/files/f/content"
framings = pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
sizes = pytest.mark.parametrize("blocks", [64, pytest.param(512, marks=pytest.mark.slow)])


@dataclass
class Measured:
    """A relay in a process of its own, and the upstream behind it."""

    root: str
    memory: Memory
    upstream: Bulk
    before: int = 0

    def begin(self, blocks: int, *, chunked: bool) -> None:
        """Begin anew, with an upstream that gives so many blocks."""
        self.upstream.reset(chunked=chunked)
        self.upstream.blocks = blocks
        self.before = self.memory.begin()

    def growth(self, blocks: int, figure: Figure, name: str) -> int:
        """The most that was held at once since `begin` beside what was before, in KiB."""
        grown = self.memory.peak() - self.before
        figure(f"memory for {name}", f"+{grown / 1024:.1f} MiB for {blocks} MiB")
        return grown


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    upstream = Bulk(1)
    with ExitStack() as stack:
        stack.enter_context(serving_bulk(upstream))
        directory = tmp_path_factory.mktemp("large")
        variables = {**SETTINGS, "OPENAI_API_BASE": upstream.base_url}
        running = stack.enter_context(running_relay("serve", directory=directory, **variables))
        # What a first request leaves behind, modules and pools, is no part of what a body costs.
        upload(running.root, 1, upstream.begun.wait, chunked=True)
        yield Measured(running.root, Memory(running.process.pid), upstream)


@pytest.mark.row("c17")
@framings
@sizes
def test_c17_an_upload_is_passed_on_as_it_comes(
    measured: Measured, figure: Figure, blocks: int, *, chunked: bool
) -> None:
    """Its second block is only made once the first has reached the upstream."""
    measured.begin(blocks, chunked=chunked)
    assert upload(measured.root, blocks, measured.upstream.begun.wait, chunked=chunked, path=FILES) == b"{}"
    assert measured.upstream.received == Sum.of_upload(blocks)
    name = "an upload in chunks" if chunked else "an upload of a known length"
    assert measured.growth(blocks, figure, name) <= GROWTH_KIB


@pytest.mark.row("c17")
@framings
def test_c17_a_part_of_64_mib_is_passed_on_as_it_comes(
    measured: Measured, figure: Figure, *, chunked: bool
) -> None:
    measured.begin(64, chunked=chunked)
    assert upload(measured.root, 64, measured.upstream.begun.wait, chunked=chunked, path=PARTS) == b"{}"
    assert measured.upstream.received == Sum.of_upload(64)
    assert measured.growth(64, figure, "a part of an upload") <= GROWTH_KIB


@pytest.mark.row("c17")
@framings
@sizes
def test_c17_a_download_is_passed_on_as_it_comes(
    measured: Measured, figure: Figure, blocks: int, *, chunked: bool
) -> None:
    measured.begin(blocks, chunked=chunked)

    def go_on(size: int) -> None:
        # The upstream makes no second block before the first has arrived here.
        if size >= MIB:
            measured.upstream.go_on.set()

    assert download(measured.root, CONTENT, go_on) == Sum.of(*[BLOCK] * blocks)
    name = "a download in chunks" if chunked else "a download of a known length"
    assert measured.growth(blocks, figure, name) <= GROWTH_KIB
