"""A relay in a process of its own, whose memory and descriptors can be told from the test's."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from openai import OpenAI

from tests.faulty import Faulty, Script, misbehaving_here
from tests.servers import REAL_KEY, RELAY_KEY, Running, running_relay

SETTINGS = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY, "RELAY_PORT": "0"}


@asynccontextmanager
async def relay_process(
    script: Script, folder: Path, **variables: str
) -> AsyncIterator[tuple[Faulty, Running]]:
    """A relay in a process over an upstream in the running loop; errors of the script's own fail the test."""
    faulty = Faulty(script)
    async with misbehaving_here(faulty):
        given = {**SETTINGS, "OPENAI_API_BASE": faulty.base_url, **variables}
        with running_relay("serve", directory=folder, **given) as relay:
            yield faulty, relay
    assert not faulty.failures


def streamed_by(client: OpenAI, operation: str) -> Iterator[object]:
    """What OpenAI's client makes of a stream, as it comes: `operation` is chat or responses."""
    if operation == "chat":
        return iter(client.chat.completions.create(model="m", messages=[], stream=True))
    return iter(client.responses.create(model="m", input="hi", stream=True))


def milliseconds(seconds: list[float]) -> str:
    """The median, the 99th percentile and the greatest of many times, and of how many."""
    ordered = sorted(seconds)
    picked = [ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99, 1)]
    return " / ".join(f"{value * 1000:.1f}" for value in picked) + f" ms of {len(ordered):,}"
