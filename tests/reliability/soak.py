"""`make soak`: mixed requests by the ten thousand, then WebSockets for minutes, and what they leave behind.

REQUESTS says how many (100,000), MINUTES for how long (10); 0 leaves the one or the other out. Prints memory,
descriptors and tasks of the relay's process at intervals: for requests each time at rest, when nobody is
connected on either side; for WebSockets while they are open, and at rest before and after. Exits 1 where
anything went otherwise than it should.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from tests.reliability.observed import PER, PROGRAM, Observed, Sample, heading, row, slope
from tests.reliability.sessions import CONNECTIONS, converse
from tests.reliability.stage import SETTINGS, milliseconds
from tests.reliability.traffic import Upstream, drive
from tests.servers import running_relay

CLIENTS = 24
INTERVALS = 20
_MINUTES = 10.0


@dataclass
class Soaked:
    """What came of a soak: the samples, the first before any traffic, and the kinds that went wrong."""

    samples: list[Sample] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)

    @property
    def slope(self) -> float:
        """How memory grows, in KiB per 100,000 requests."""
        return slope(self.samples)


async def soak(requests: int, directory: Path, report: Callable[[Sample], None]) -> Soaked:
    """Send so many requests through `relay serve` in a process of its own; each sample is reported."""
    upstream, soaked = Upstream(), Soaked()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    with running_relay(
        "serve", directory=directory, program=PROGRAM, OPENAI_API_BASE=address, **SETTINGS
    ) as running:
        observed = Observed(running)
        for number in range(INTERVALS + 1):
            if number:
                size = requests // INTERVALS
                for kind, count in (await drive(running.root, size, CLIENTS, number)).items():
                    soaked.wrong[kind] = soaked.wrong.get(kind, 0) + count
                upstream.rest()
            soaked.samples.append(await observed.at_rest(number * (requests // INTERVALS)))
            report(soaked.samples[-1])
    server.close()
    return soaked


def mixed_requests(requests: int, directory: Path) -> bool:
    """Soak with so many requests, and say what came of it; whether all went as they should."""
    heading("requests")
    soaked = asyncio.run(soak(requests, directory, row))
    sys.stdout.write(f"memory slope: {soaked.slope:+,.0f} KiB per {PER:,} requests\n")
    sys.stdout.write(f"requests that went wrong: {soaked.wrong or 'none'}\n")
    return not soaked.wrong


def websockets(minutes: float, directory: Path) -> bool:
    """Soak with WebSockets for so long, and say what came of it; whether all went as they should."""
    heading("messages")
    # The other side of everything should not be what is measured.
    held = uvloop.run(converse(CONNECTIONS, minutes * 60, directory, row))
    before, after, told = held.before, held.after, held.tally
    delays = milliseconds(told.seconds.tolist()) if told.seconds else "none came back"
    lines = [
        f"messages on {CONNECTIONS} WebSockets: {told.sent:,} sent, {told.back:,} back",
        f"lost: {told.lost:,}; out of order: {told.out_of_order:,}; altered or repeated: {told.strange:,}",
        f"there and back, median / 99th percentile / longest: {delays}",
        f"memory slope while they were open: {slope(held.samples):+,.0f} KiB per {PER:,} messages",
        f"descriptors before and after: {before.descriptors}, {after.descriptors}",
        f"tasks before and after: {before.tasks}, {after.tasks}",
        f"WebSockets that ended otherwise than they should: {told.ended or 'none'}",
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return held.clean


def main() -> int:
    """Soak, and say what came of it; 1 where anything went otherwise than it should."""
    requests = int(os.environ.get("REQUESTS", "").replace(",", "") or PER)
    minutes = float(os.environ.get("MINUTES", "") or _MINUTES)
    right = []
    with tempfile.TemporaryDirectory() as directory:
        if requests:
            right.append(mixed_requests(requests, Path(directory)))
        if minutes:
            right.append(websockets(minutes, Path(directory)))
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
