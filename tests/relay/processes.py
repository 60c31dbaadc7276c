"""Relays in processes of their own, over an upstream that ends its answers when it is told to."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faulty import Connection, Faulty
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import LAST_CHUNK, Line, chunk
from tests.servers import RELAY_KEY, Running, eventually, running_relay, until

# The script is over after one answer, and its connection with it.
CLOSE = b"connection: close\r\n"
_OK = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"


@contextmanager
def relaying(
    directory: Path, base_url: str, program: str = "from relay.commands import main; main()", **variables: str
) -> Iterator[Running]:
    """A relay in a process of its own, which `program` runs."""
    given = {"OPENAI_API_BASE": base_url, "OPENAI_API_KEY": "sk-x", "RELAY_KEY": RELAY_KEY, **variables}
    with running_relay("serve", "--port", "0", directory=directory, program=program, **given) as running:
        assert running.root
        yield running


class Holding:
    """Says the first event of a stream, or nothing yet, and the rest once it is `released`."""

    def __init__(self) -> None:
        self.faulty = Faulty(self._script)
        self.released = threading.Event()

    async def _script(self, connection: Connection) -> None:
        streamed = b'"stream":true' in await connection.request()
        await connection.say(SSE + CLOSE + CHUNKED + chunk(FIRST) if streamed else b"")
        await eventually(self.released.is_set, 60)
        await connection.say(chunk(LAST) + LAST_CHUNK if streamed else _OK)


def stop(running: Running, number: signal.Signals = signal.SIGTERM) -> None:
    """Tell the relay to stop, and wait until it drains."""
    running.process.send_signal(number)
    until(lambda: any("drain begun" in line for line in running.lines))


def said(running: Running, event: str) -> str:
    """The one line of the log that says `event`."""
    [line] = [line for line in running.lines if event in line]
    return line


def begun(line: Line) -> Line:
    line.until(FIRST)
    return line
