"""The sandbox keeps what it is sent, and holds no large file in memory."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.relay.large import BLOCK, MIB, Memory, Sum, download, upload
from tests.servers import REAL_KEY, RELAY_KEY, running_relay

BLOCKS = 192
GROWTH_KIB = 64 * 1024  # a third of the file


def at_once(_seconds: float) -> bool:
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read from Linux's /proc")
def test_the_sandbox_holds_no_large_file_either(tmp_path: Path) -> None:
    with ExitStack() as stack:
        sandbox = stack.enter_context(running_relay("sandbox", "--port", "0", directory=tmp_path))
        keys = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY}
        variables = {**keys, "RELAY_PORT": "0", "OPENAI_API_BASE": f"{sandbox.root}/v1"}
        relay = stack.enter_context(running_relay("serve", directory=tmp_path, **variables))
        upload(relay.root, 1, at_once, chunked=True)
        memory = Memory(sandbox.process.pid)
        before = memory.begin()
        made = json.loads(upload(relay.root, BLOCKS, at_once, chunked=False))
        assert made["bytes"] == BLOCKS * MIB
        content = f"/v1/files/{made['id']}/content"
        assert download(relay.root, content, lambda _: None) == Sum.of(*[BLOCK] * BLOCKS)
        assert memory.peak() - before <= GROWTH_KIB
