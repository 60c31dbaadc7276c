"""A sandbox, and a relay over another one: what differs between them is the relay."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.server import SandboxServer
from tests.servers import RELAY_KEY, relay_over


@dataclass(frozen=True)
class Pair:
    """Both ways to an upstream: the sandbox itself, which takes any key, and the relay. Up to `/v1`."""

    direct: str
    relay: str


@contextmanager
def paired(**settings: Any) -> Iterator[Pair]:
    """Two sandboxes, the second behind a relay with RELAY_KEY: equal clients hear the same of both."""
    with (
        SandboxServer() as direct,
        SandboxServer() as behind,
        relay_over(behind.base_url, **settings) as relay,
    ):
        yield Pair(direct.base_url, f"{relay}/v1")


def keys(pair: Pair) -> list[tuple[str, str]]:
    """Each address of a pair with a key for it."""
    return [(pair.direct, "any"), (pair.relay, RELAY_KEY)]
