"""f. Files that clients name by their addresses: nothing goes along, and none is too large or too slow."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import Callable, Iterator

import pytest
from starlette.types import Receive, Scope, Send

from relay.actions.fetch import SECONDS, Fetcher
from relay.dispatch import Relay
from relay.errors import FileUnreachable, RelayError, RequestTooLarge
from relay.transport.connection import Connection as Dialled
from relay.transport.dial import dial
from tests.faulty import Connection, Script
from tests.file_host import PUBLIC, URL, FileHost, file_answer, saying
from tests.fuzz.urls import BLOBS, SIGNED
from tests.relay.wire import Answer, ask, assert_keeps_secrets, chunk
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, answering, eventually, relay_over

LIMIT = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
SOON = 0.25  # seconds that a fetch may take here
DRIP = 0.02


async def refused(fetcher: Fetcher) -> RelayError:
    """The error that a fetch ends with."""
    with pytest.raises(RelayError) as caught:
        await fetcher.fetch(URL, LIMIT, "url")
    assert caught.value.param == "url"
    return caught.value


async def fetches(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """A handler that answers with the file whose address is the query."""
    fetched = await relay.fetcher.fetch(scope["query_string"].decode(), LIMIT, "url")
    await answering(fetched.content)(scope, receive, send)


Asking = Callable[[str], Answer]


@pytest.fixture
def seconds() -> float:
    """What a fetch may take in the relay that `asking` asks."""
    return SECONDS


@pytest.fixture
def asking(
    file_host: FileHost, upstream: tuple[Recorder, str], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> Iterator[Asking]:
    """Asks a relay, which has an operation that fetches, for the file at an address."""
    monkeypatch.setattr("handlers.health.get_live", fetches)
    with relay_over(upstream[1], file_host.fetcher(seconds)) as root:
        sent = ("cookie: a=b", "x-client: c", "accept-encoding: gzip", "x-request-id: d", "openai-beta: e")
        yield lambda url: ask(root, "GET", f"/live?{url}", *sent)
    assert upstream[0].seen == []


@pytest.mark.row("f31")
def test_f31_neither_a_key_nor_a_field_of_the_clients_goes_along(file_host: FileHost, asking: Asking) -> None:
    answer = asking(f"https://{BLOBS}{SIGNED}")
    assert (answer.status, answer.body) == (200, b"content")
    line, *fields = file_host.faulty.heads.pop().decode().split("\r\n")
    assert line == f"GET {SIGNED} HTTP/1.1"
    own = ["user-agent: chatgpt-team-relay", "accept: */*", "accept-encoding: identity", "connection: close"]
    assert fields == [f"host: {BLOBS}", *own, "", ""]
    assert not any(key in repr(fields) for key in (REAL_KEY, RELAY_KEY))


def huge(size: int) -> bytes:
    """`size` bytes as gzip packs them."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(LIMIT)) for _ in range(size // LIMIT)) + packer.flush()


REFUSED = {
    "inside": ("https://127.0.0.1/", b"", 400, "blocked_url"),
    "missing": (URL, file_answer(b"{}", status=b"404 Not Found"), 502, "file_unreachable"),
    "too large": (URL, OK + b"content-length: 99999999999\r\n\r\n", 413, "input_too_large"),
    "a bomb": (URL, file_answer(huge(64 * LIMIT), b"content-encoding: gzip"), 502, "file_unreachable"),
}


@pytest.mark.row("f31")
@pytest.mark.parametrize(("url", "said", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_f31_a_refusal_has_openais_shape_and_tells_nothing(
    file_host: FileHost, asking: Asking, url: str, said: bytes, status: int, code: str
) -> None:
    file_host.faulty.script = saying(said)
    assert_tells_nothing(asking(url), file_host, status, code)


@pytest.mark.row("f31")
@pytest.mark.parametrize("seconds", [SOON])
def test_f31_a_late_file_is_a_502_that_tells_nothing(file_host: FileHost, asking: Asking) -> None:
    file_host.faulty.script = saying(b"")
    assert_tells_nothing(asking(URL), file_host, 502, "file_unreachable")


def assert_tells_nothing(answer: Answer, host: FileHost, status: int, code: str) -> None:
    """The answer is this error, in OpenAI's shape, and tells neither a key nor an address."""
    assert (answer.status, answer.error["code"], answer.error["param"]) == (status, code, "url")
    assert answer.error["type"] == ("server_error" if status == 502 else "invalid_request_error")
    assert PUBLIC.encode() not in answer.body
    assert_keeps_secrets(answer, host.faulty.base_url)


CODINGS = [
    b"content-encoding: gzip", b"Content-Encoding: deflate", b"content-encoding:br",
    b"content-encoding: zstd", b"content-encoding: x-gzip", b"content-encoding: identity, gzip",
    b"content-encoding: identity\r\ncontent-encoding: gzip", b"content-encoding: identity;q=0",
    b"transfer-encoding: gzip, chunked",
]  # fmt: skip


@pytest.mark.row("f31")
@pytest.mark.parametrize("coding", CODINGS)
async def test_f31_a_coded_file_is_refused(file_host: FileHost, coding: bytes) -> None:
    file_host.faulty.script = saying(file_answer(gzip.compress(b"content"), coding))
    assert type(await refused(file_host.fetcher())) is FileUnreachable


@pytest.mark.row("f31")
async def test_f31_a_file_is_never_decoded(file_host: FileHost) -> None:
    packed = huge(64 * LIMIT)
    assert len(packed) < LIMIT
    file_host.faulty.script = saying(file_answer(packed, b"content-type: application/gzip"))
    assert (await file_host.fetcher().fetch(URL, LIMIT, "url")).content == packed


def endlessly(begin: bytes, again: bytes, pause: float = 0) -> Script:
    """Say `begin`, and `again` every `pause` seconds for as long as somebody listens."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(begin)
        while True:
            await connection.say(again)
            await asyncio.sleep(pause)

    return script


TOO_LARGE = {
    "declared": saying(OK + b"content-length: %d\r\n\r\n" % (LIMIT + 1)),
    "endless": endlessly(CHUNKED, chunk(bytes(65_536))),
    "endless, in bytes": endlessly(CHUNKED, chunk(b"a") * 10_000),
    "in one": saying(file_answer(bytes(LIMIT + 1))),
}


@pytest.mark.row("f31")
@pytest.mark.parametrize("script", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_f31_a_file_over_the_limit_is_refused_as_soon_as_that_is_known(
    file_host: FileHost, script: Script
) -> None:
    file_host.faulty.script = script
    error = await refused(file_host.fetcher())
    assert (type(error), error.kind.status, error.code) == (RequestTooLarge, 413, "input_too_large")
    await eventually(lambda: file_host.faulty.open == 0)


SLOW = {
    "silent": saying(b""),
    "half a head": saying(OK),
    "half a file": saying(OK + b"content-length: 9\r\n\r\ncontent"),
    "a dripping head": endlessly(OK, b"x: y\r\n", DRIP),
    "dripping answers": endlessly(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", DRIP),
    "a dripping file": endlessly(OK + b"content-length: 1000\r\n\r\n", b"a", DRIP),
    "dripping chunks": endlessly(CHUNKED, chunk(b"a"), DRIP),
}


async def assert_late(fetcher: Fetcher) -> None:
    error = await refused(fetcher)
    assert (type(error), error.code) == (FileUnreachable, "file_unreachable")
    assert f"within {SOON:g} seconds" in error.message


@pytest.mark.row("f31")
@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
async def test_f31_a_file_that_takes_too_long_is_given_up(file_host: FileHost, script: Script) -> None:
    file_host.faulty.script = script
    await assert_late(file_host.fetcher(SOON))
    await eventually(lambda: file_host.faulty.open == 0)


@pytest.mark.row("f31")
async def test_f31_a_connection_and_a_look_up_that_take_too_long_are_given_up(file_host: FileHost) -> None:
    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    await assert_late(Fetcher(never, file_host.dial, SOON))
    assert file_host.dials == []
    with socket.create_server(("127.0.0.1", 0)) as mute:

        async def dial_mute(_address: str, _port: int, name: str) -> Dialled:
            return await dial("127.0.0.1", mute.getsockname()[1], file_host.trust, name=name)

        await assert_late(Fetcher(file_host.resolve, dial_mute, SOON))
        accepted, _ = mute.accept()
        with accepted:
            assert await asyncio.to_thread(lambda: b"".join(iter(lambda: accepted.recv(65_536), b"")))
