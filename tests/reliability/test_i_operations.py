"""i. What an operator relies on: health that tells the truth, and a process that stays as it was."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.relay.wire import Answer, ask
from tests.reliability.kept import FRESH, LAST
from tests.reliability.observed import PER
from tests.reliability.plugin import Figure
from tests.reliability.soak import soak
from tests.servers import relay_over

# What pools, caches and the allocator may take before they have all they want, in KiB.
SETTLING_KIB = 24 * 1024


def answer_one(listener: socket.socket) -> None:
    """Answer one request."""
    connection, _ = listener.accept()
    with connection:
        while not connection.recv(65_536).endswith(b"\r\n\r\n"):
            pass
        connection.sendall(LAST)


@pytest.mark.row("i41")
def test_i41_an_upstream_that_is_down_takes_no_relay_along() -> None:
    """Ready is what the relay is, and not its upstream: every replica would go at once, and help nobody."""

    def models() -> Answer:
        return ask(root, "GET", "/v1/models")

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # not listening yet: connections are refused
        listener.settimeout(10)
        with relay_over(f"http://127.0.0.1:{listener.getsockname()[1]}/v1") as root:
            for _ in range(2):
                answer = models()
                assert (answer.status, answer.error["code"]) == (502, "upstream_unreachable")
                assert [ask(root, "GET", path).status for path in ("/live", "/ready", "/health")] == [200] * 3
            with ThreadPoolExecutor(1) as upstream:
                listener.listen()
                upstream.submit(answer_one, listener)
                assert models().body == FRESH


@pytest.mark.row("i42")
@pytest.mark.parametrize("requests", [2_000, pytest.param(PER, marks=pytest.mark.slow)])
def test_i42_mixed_traffic_leaves_nothing_behind(tmp_path: Path, figure: Figure, requests: int) -> None:
    soaked = asyncio.run(soak(requests, tmp_path, lambda _sample: None))
    first, last = soaked.samples[0], soaked.samples[-1]
    assert soaked.wrong == {}
    assert (last.descriptors, last.tasks) == (first.descriptors, first.tasks)
    assert last.memory - first.memory <= SETTLING_KIB
    figure(f"memory added by {requests:,} mixed requests", f"{(last.memory - first.memory) / 1024:.1f} MiB")
    if requests == PER:
        figure("memory slope per 100,000 mixed requests", f"{soaked.slope:+,.0f} KiB")
