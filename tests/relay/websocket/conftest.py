"""Fixtures of the WebSocket tests, which share one relay; its messages have a MiB at the most."""

from collections.abc import Iterator

import pytest

from tests.faulty import Faulty, misbehaving
from tests.servers import relay_over
from tests.websockets import Upstream, conversing, taking_up


@pytest.fixture(scope="package")
def _faulty() -> Iterator[tuple[Faulty, str]]:
    upstream = Faulty()
    with misbehaving(upstream), relay_over(upstream.base_url, relay_max_message_mb=1) as root:
        yield upstream, root


@pytest.fixture
def upstream(faulty: Faulty) -> Upstream:
    """What `faulty` hears of a WebSocket that it takes up."""
    made = Upstream()
    faulty.script = taking_up(made.hear)
    return made


@pytest.fixture(scope="package")
def echoing() -> Iterator[str]:
    """A relay over an upstream that says what it hears, with messages of up to a MiB: its root address."""
    with conversing() as base_url, relay_over(base_url, relay_max_message_mb=1) as root:
        yield root
