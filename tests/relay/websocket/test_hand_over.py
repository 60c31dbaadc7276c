"""What a WebSocket takes over of the connections that were HTTP's before, and what it leaves behind."""

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.frames import CloseCode

from relay.connection import Traffic
from relay.serving.config import RelayConfig
from relay.transport.answer import Answer
from relay.websocket.serve import serve
from relay.websocket.tunnel import Tunnel
from relay.websocket.upgrade import Upgrade
from tests.faulty import Connection, Faulty
from tests.relay.websocket.test_pressure import MOST_UNDER_WAY, numbered
from tests.relay.wire import Line, ask, dialled, request
from tests.servers import relay_over, settled, until
from tests.websockets import (
    MASK,
    TEXT,
    Client,
    Upstream,
    accept,
    close,
    close_in,
    frame,
    offer,
    opened,
    taking_up,
)

FRAMES = 800
HELLO = frame(TEXT, b"hello", mask=MASK)
# Together they are more than a connection's writer takes, which waits after that; the first alone is not.
BODY, FIELD = bytes(45_000), b"x-large: " + b"a" * 45_000
FEW = 4_096
Made = Callable[[], socket.socket]


@contextmanager
def narrow(monkeypatch: pytest.MonkeyPatch, upstream: str) -> Iterator[tuple[str, Traffic]]:
    """A relay for whose clients the system holds little: its root address, and its traffic."""
    listening: Made = RelayConfig.bind_socket  # type: ignore[assignment]  # unbound
    made: list[RelayConfig] = []

    def listens(config: RelayConfig) -> socket.socket:
        made.append(config)
        listener: socket.socket = listening(config)  # type: ignore[call-arg]  # unbound
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, FEW)
        return listener

    monkeypatch.setattr(RelayConfig, "bind_socket", listens)
    with relay_over(upstream) as root:
        yield root, made[0].traffic


class Floods:
    """An upstream that answers a request with BODY, then takes up a handshake and says FRAMES frames."""

    def __init__(self) -> None:
        self.said = 0
        self.switched = False
        self.after = Upstream()

    async def script(self, connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY)
        await connection.say(accept(await connection.head(), FIELD))
        self.switched = True
        for number in range(FRAMES):
            await connection.say(numbered(number, b""))
            self.said = number + 1
        await self.after.hear(connection)


def skip(line: Line, marker: bytes) -> None:
    """Read up to and with `marker`."""
    line.received = line.until(marker).partition(marker)[2]


def read_exactly(line: Line, size: int) -> bytes:
    while len(line.received) < size:
        data = line.socket.recv(1 << 20)
        assert data, "closed"
        line.received += data
    taken, line.received = line.received[:size], line.received[size:]
    return taken


def test_a_client_that_did_not_read_its_answers_makes_the_upstream_of_its_websocket_wait(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is behind when the connection becomes a WebSocket, and nobody counts that as HTTP's any more."""
    floods = Floods()
    faulty.script = floods.script
    with narrow(monkeypatch, faulty.base_url) as (root, traffic):
        with dialled(root, request("GET", "/v1/models") + offer(), FEW) as line:
            until(lambda: floods.switched)
            assert settled(lambda: floods.said) * len(numbered(0, b"")) < MOST_UNDER_WAY
            skip(line, b"\r\n\r\n" + BODY)
            skip(line, b"\r\n\r\n")
            for number in range(FRAMES):
                assert read_exactly(line, len(numbered(0, b""))) == numbered(number, b"")
            for _ in range(2):
                later = traffic.clock = traffic.clock + 10_000
                until(lambda: traffic.clock > later)  # noqa: B023 - it is called at once
            line.say(HELLO + close(1000, mask=MASK))
            assert line.rest() == close(1000)
        assert floods.after.over.wait(10)
        assert floods.after.heard == HELLO + close(1000, mask=MASK)


def test_what_came_with_the_handshakes_is_not_kept_for_the_session(faulty: Faulty, faulty_relay: str) -> None:
    early, first = frame(TEXT, b"early" * 1_000, mask=MASK), frame(TEXT, b"first" * 1_000)
    upstream = Upstream()
    faulty.script = taking_up(upstream.hear, first=first)
    with dialled(faulty_relay, offer() + early) as line:
        assert Client(line.socket).exactly(len(first)) == first
        until(lambda: upstream.heard == early)
        alive = gc.get_objects()
        upgrades = [one.early for one in alive if isinstance(one, Upgrade)]
        rests = [one.rest for one in alive if isinstance(one, Answer)]
        del alive
        assert upgrades
        assert early not in upgrades
        assert rests
        assert first not in rests


def test_what_the_upstream_said_first_is_heard_before_what_is_wrong_with_the_client(
    faulty: Faulty, faulty_relay: str
) -> None:
    upstream, hello = Upstream(), frame(TEXT, b"hello")
    faulty.script = taking_up(upstream.hear, first=hello)
    with dialled(faulty_relay, offer() + frame(3, mask=MASK)) as line:
        said = Client(line.socket).end()
    assert said.startswith(hello)
    assert close_in(said) == CloseCode.PROTOCOL_ERROR
    assert upstream.over.wait(10)


def test_a_bug_in_a_websocket_ends_that_one_and_not_the_server(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick, broken = Tunnel.tick, set[int]()

    def breaks(tunnel: Tunnel, *, draining: bool) -> None:
        if not broken or id(tunnel) in broken:
            broken.add(id(tunnel))
            raise ZeroDivisionError
        tick(tunnel, draining=draining)

    async def waits(connection: Connection) -> None:
        await connection.rest()

    faulty.script = taking_up(waits)
    with relay_over(faulty.base_url) as root, capture_logs() as logs:
        with opened(root) as client:
            monkeypatch.setattr(Tunnel, "tick", breaks)
            with suppress(ConnectionError):
                assert client.rest() == b""
            until(lambda: faulty.open == 0)
        assert len(broken) == 1
        assert [log["event"] for log in logs if log["log_level"] == "error"] == ["bug"]
        assert ask(root, "GET", "/live").status == 200
        upstream = Upstream()
        faulty.script = taking_up(upstream.hear)
        with opened(root) as client:
            client.say(HELLO + close(1000, mask=MASK))
            assert client.rest() == close(1000)
        assert upstream.over.wait(10)


def test_a_client_that_leaves_between_the_handshakes_takes_its_upstream_along(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def left(upgrade: Upgrade, *given: Any) -> None:
        upgrade.host.transport.abort()
        await serve(upgrade, *given)

    monkeypatch.setattr("relay.forwarder.serve", left)
    upstream = Upstream()
    faulty.reset(taking_up(upstream.hear))
    with relay_over(faulty.base_url) as root, capture_logs() as logs:
        with dialled(root, offer()) as line, suppress(ConnectionError):
            assert line.rest() == b""
        assert upstream.over.wait(10)
        until(lambda: any(entry["event"] == "request" for entry in logs))
    assert [entry["event"] for entry in logs if entry["log_level"] != "info"] == []
