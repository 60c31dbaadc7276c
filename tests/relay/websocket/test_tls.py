"""To an upstream that speaks TLS, as OpenAI's does, a WebSocket is the same."""

import threading
from collections.abc import Iterator

import pytest
from websockets.frames import CloseCode

from tests.faulty import Connection, Faulty, misbehaving
from tests.file_host import certified
from tests.relay.large import Sum
from tests.relay.websocket.test_passing import every_kind
from tests.relay.wire import dialled
from tests.servers import eventually, relay_over, settled, until
from tests.websockets import (
    BINARY,
    MASK,
    TEXT,
    Client,
    Upstream,
    close,
    close_in,
    frame,
    offer,
    opened,
    taking_up,
)

HELLO, MASKED = frame(TEXT, b"hello"), frame(TEXT, b"hello", mask=MASK)
FRAMES = 600
TIMES, MANY = 20, 100
LARGE = frame(BINARY, bytes(range(256)) * 240)
LARGE_MASKED = frame(BINARY, bytes(range(256)) * 240, mask=MASK)


@pytest.fixture(scope="module")
def _secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Faulty, str]]:
    server, client = certified(tmp_path_factory.mktemp("tls"), ["localhost"])
    faulty = Faulty(tls=server)
    with pytest.MonkeyPatch.context() as patch, misbehaving(faulty):
        patch.setattr("relay.transport.pool.client_tls", lambda: client)
        address = faulty.base_url.replace("http://127.0.0.1", "https://localhost")
        with relay_over(address) as root:
            yield faulty, root


@pytest.fixture
def secure(_secure: tuple[Faulty, str]) -> Iterator[tuple[Faulty, str]]:
    """An upstream that speaks TLS, and a relay over it."""
    _secure[0].reset()
    yield _secure
    assert not _secure[0].failures


def test_frames_pass_byte_for_byte_both_ways(secure: tuple[Faulty, str]) -> None:
    faulty, root = secure
    upstream, up, down = Upstream(), every_kind(MASK), every_kind(b"")

    async def says(connection: Connection) -> None:
        await connection.say(down[500:])
        await upstream.hear(connection)

    faulty.script = taking_up(says, first=down[:500])
    with dialled(root, offer() + up[:500]) as line:
        client = Client(line.socket)
        client.say(up[500:])
        assert client.exactly(len(down)) == down
        until(lambda: len(upstream.heard) >= len(up))
        client.say(close(4000, mask=MASK))
        assert client.rest() == close(4000)
    assert upstream.over.wait(10)
    assert upstream.heard == up + close(4000, mask=MASK)
    until(lambda: faulty.open == 0)


@pytest.mark.parametrize("how", ["closes", "leaves", "resets", "leaves amid", "errs"])
def test_an_upstreams_end_reaches_the_client(secure: tuple[Faulty, str], how: str) -> None:
    faulty, root = secure
    last = {"closes": close(4001), "leaves amid": LARGE[:5_000], "errs": frame(3)}.get(how, b"")
    heard = bytearray()

    async def ends(connection: Connection) -> None:
        await connection.say(HELLO + last)
        heard.extend(await connection.exactly(len(MASKED)))
        if how == "resets":
            connection.reset()
        elif how in {"closes", "errs"}:
            heard.extend(await connection.exactly(4))

    faulty.script = taking_up(ends)
    with opened(root) as client:
        client.say(MASKED)
        if how == "leaves amid":
            assert client.rest() == HELLO + last
        else:
            said = client.end()
            assert said.startswith(HELLO)
            assert close_in(said) == (4001 if how == "closes" else CloseCode.INTERNAL_ERROR)
    until(lambda: faulty.open == 0)
    if how != "errs":  # it is told so at once, and may hear nothing more of the client
        assert bytes(heard).startswith(MASKED)


@pytest.mark.parametrize("within", [False, True], ids=["between frames", "within one"])
def test_a_clients_departure_reaches_the_upstream(secure: tuple[Faulty, str], *, within: bool) -> None:
    faulty, root = secure
    upstream = Upstream()
    faulty.script = taking_up(upstream.hear)
    with opened(root) as client:
        client.say(MASKED + (LARGE_MASKED[:4_000] if within else b""))
        until(lambda: upstream.heard == MASKED)
    assert upstream.over.wait(10)
    rest = upstream.heard.removeprefix(MASKED)
    assert (rest == b"") if within else (close_in(rest, masked=True) == CloseCode.GOING_AWAY)


def test_a_client_that_does_not_read_makes_the_upstream_wait(secure: tuple[Faulty, str]) -> None:
    faulty, root = secure
    said = 0

    async def floods(connection: Connection) -> None:
        nonlocal said
        for _ in range(FRAMES):
            await connection.say(LARGE)
            said += 1
        await connection.say(close(1000))
        await Upstream().hear(connection)

    faulty.script = taking_up(floods)
    with opened(root, receive_buffer=65_536) as client:
        assert settled(lambda: said) < FRAMES
        found = Sum.of(client.received)
        while found.size < len(LARGE) * FRAMES + 4:
            found.add(client.socket.recv(1 << 20))
        client.say(close(1000, mask=MASK))
    assert found == Sum.of(*[LARGE] * FRAMES, close(1000))


def test_an_upstream_that_does_not_read_makes_the_client_wait(secure: tuple[Faulty, str]) -> None:
    faulty, root = secure
    go_on, said, heard = threading.Event(), 0, Sum()

    async def dawdles(connection: Connection) -> None:
        await eventually(go_on.is_set, 30)
        for _ in range(FRAMES):
            heard.add(await connection.exactly(len(LARGE_MASKED)))
        await Upstream().hear(connection)

    def flood() -> None:
        nonlocal said
        for _ in range(FRAMES):
            client.say(LARGE_MASKED)
            said += 1
        client.say(close(1000, mask=MASK))

    faulty.script = taking_up(dawdles)
    with opened(root) as client:
        sender = threading.Thread(target=flood)
        sender.start()
        stopped = settled(lambda: said)
        go_on.set()
        sender.join(30)
        assert client.rest() == close(1000)
    assert stopped < FRAMES
    assert heard == Sum.of(*[LARGE_MASKED] * FRAMES)


@pytest.mark.parametrize("said", [HELLO, LARGE * 3], ids=["little", "much"])
def test_an_upstream_that_says_all_and_leaves_at_once_is_heard_whole(
    secure: tuple[Faulty, str], said: bytes
) -> None:
    """Its close_notify (RFC 8446, 6.1) may be there before the client has its answer."""
    faulty, root = secure

    async def leaves(_connection: Connection) -> None:
        pass

    faulty.script = taking_up(leaves, first=said + close(4001))
    for _ in range(TIMES):
        with opened(root) as client:
            assert client.end() == said + close(4001)
        until(lambda: faulty.open == 0)


def test_an_upstream_that_leaves_before_a_slow_client_has_read_is_heard_whole(
    secure: tuple[Faulty, str],
) -> None:
    faulty, root = secure

    async def leaves(connection: Connection) -> None:
        await connection.say(LARGE * MANY + close(4001))

    faulty.script = taking_up(leaves)
    with opened(root, receive_buffer=65_536) as client:
        threading.Event().wait(0.5)
        said = client.end()
    assert Sum.of(said) == Sum.of(*[LARGE] * MANY, close(4001))
