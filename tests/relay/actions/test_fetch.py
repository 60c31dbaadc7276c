import asyncio
import errno
import re
import socket
import ssl
from ipaddress import ip_address

import pytest

from relay.actions.addresses import is_public
from relay.actions.fetch import Fetched, Fetcher, dialled, resolved
from relay.errors import FileUnreachable, RelayBusy, RelayError, RequestTooLarge
from relay.transport.connection import Connection as Dialled
from relay.transport.dial import client_tls, dial
from tests.faulty import Connection
from tests.file_host import OTHER, PUBLIC, SIXTH, URL, FileHost, file_answer, saying
from tests.fuzz.urls import BLOBS, SIGNED
from tests.relay.wire import LAST_CHUNK, chunk
from tests.servers import eventually

PARAM = "openaiFileIdRefs[0].download_link"
LIMIT = 100_000
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


async def refused(fetcher: Fetcher, kind: type[RelayError], url: str = URL, limit: int = LIMIT) -> RelayError:
    """The error that a fetch ends with, which tells nothing but the host's name."""
    with pytest.raises(kind) as caught:
        await fetcher.fetch(url, limit, PARAM)
    assert caught.type is kind
    assert not re.search(r"\d\.\d|::|cat\.png|/f/|127|certificate|Errno", caught.value.message)
    return caught.value


async def unreachable(fetcher: Fetcher) -> str:
    """The message of a FileUnreachable."""
    error = await refused(fetcher, FileUnreachable)
    assert (error.kind.status, error.kind.type) == (502, "server_error")
    assert (error.code, error.param) == ("file_unreachable", PARAM)
    assert "files.openai.com" in error.message
    return error.message


async def test_a_file_comes_whole_with_its_media_type_and_its_name(file_host: FileHost) -> None:
    content = bytes(range(256)) * 1000
    fields = b"content-type: Image/PNG; q=1", b'content-disposition: inline; filename="a cat.png"'
    file_host.faulty.script = saying(file_answer(content, *fields))
    fetched = await file_host.fetcher().fetch(URL, len(content), PARAM)
    assert fetched == Fetched(content, "image/png", "a cat.png")
    assert file_host.resolved == [("files.openai.com", 443)]
    assert file_host.dials == [(PUBLIC, 443, "files.openai.com")]


async def test_the_request_is_the_address_and_nothing_of_anyones(file_host: FileHost) -> None:
    fetched = await file_host.fetcher().fetch(f"https://{BLOBS.upper()}:443{SIGNED}", LIMIT, PARAM)
    assert fetched == Fetched(b"content", None, "img-3.png")
    lines = [
        f"GET {SIGNED} HTTP/1.1",
        f"host: {BLOBS}",
        "user-agent: chatgpt-team-relay",
        "accept: */*",
        "accept-encoding: identity",
        "connection: close",
    ]
    assert file_host.faulty.heads == ["\r\n".join([*lines, "", ""]).encode()]


WHOLE = {
    "chunks": CHUNKED + chunk(b"con") + chunk(b"tent") + LAST_CHUNK,
    "interim answers": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 3 + file_answer(b"content"),
    "no coding": file_answer(b"content", b"content-encoding: Identity"),
    "empty coding": file_answer(b"content", b"content-encoding:"),
    "trailers": CHUNKED + chunk(b"content") + b"0\r\nx-a: 1\r\n\r\n",
}


@pytest.mark.parametrize("said", WHOLE.values(), ids=WHOLE)
async def test_a_file_comes_whole_however_it_is_framed(file_host: FileHost, said: bytes) -> None:
    file_host.faulty.script = saying(said)
    assert (await file_host.fetcher().fetch(URL, 7, PARAM)).content == b"content"


async def test_an_empty_file_is_a_file(file_host: FileHost) -> None:
    file_host.faulty.script = saying(file_answer(b""))
    assert (await file_host.fetcher().fetch(URL, 7, PARAM)).content == b""


async def test_each_file_has_a_connection_of_its_own_that_is_closed(file_host: FileHost) -> None:
    fetcher = file_host.fetcher()
    for _ in range(3):
        await fetcher.fetch(URL, LIMIT, PARAM)
    await eventually(lambda: file_host.faulty.open == 0)
    assert file_host.faulty.connections == len(file_host.faulty.heads) == 3


@pytest.mark.parametrize(
    "status", [b"201 Odd", b"204 No", b"206 Part", b"400 No", b"403 No", b"404 No", b"500 No"]
)
async def test_another_status_than_200_is_no_file(file_host: FileHost, status: bytes) -> None:
    length = b"" if status.startswith(b"204") else b"content-length: 2\r\n"
    file_host.faulty.script = saying(b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n{}")
    assert f"answered {status[:3].decode()}" in await unreachable(file_host.fetcher())


async def test_an_address_that_takes_no_connection_makes_way_for_the_next(file_host: FileHost) -> None:
    file_host.answers = [[SIXTH, PUBLIC, SIXTH, OTHER]]

    async def picky(address: str, port: int, name: str) -> Dialled:
        connection = await file_host.dial(address, port, name)
        if address != OTHER:
            connection.abort()
            raise OSError(errno.ENETUNREACH, "no way there")
        return connection

    assert (await Fetcher(file_host.resolve, picky).fetch(URL, LIMIT, PARAM)).content == b"content"
    assert [address for address, *_ in file_host.dials] == [SIXTH, PUBLIC, OTHER]
    assert len(file_host.resolved) == 1


NOWHERE = [
    [],
    OSError(errno.EHOSTUNREACH, "none"),
    socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
]


@pytest.mark.parametrize("answer", NOWHERE, ids=["none", "error", "unknown"])
async def test_a_name_without_an_address_is_unreachable(
    file_host: FileHost, answer: list[str] | Exception
) -> None:
    file_host.answers = [answer]
    assert "could not be reached" in await unreachable(file_host.fetcher())
    assert file_host.dials == []


async def test_a_certificate_for_another_name_is_refused_before_anything_is_said(file_host: FileHost) -> None:
    error = await refused(file_host.fetcher(), FileUnreachable, "https://cdn.openai.com/f")
    assert error.message.startswith("The file could not be fetched: cdn.openai.com could not be reached")
    assert file_host.names == ["cdn.openai.com"]
    assert file_host.faulty.heads == []


async def test_a_certificate_that_nobody_vouches_for_is_refused_too(file_host: FileHost) -> None:
    async def untrusting(_address: str, _port: int, name: str) -> Dialled:
        return await dial("127.0.0.1", file_host.port, client_tls(), name=name)

    assert "could not be reached" in await unreachable(Fetcher(file_host.resolve, untrusting))
    assert file_host.faulty.heads == []


async def test_an_address_is_dialled_without_another_look_up(
    file_host: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*_: object, **__: object) -> None:
        raise AssertionError("looked up again")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert (await file_host.fetcher().fetch(URL, LIMIT, PARAM)).content == b"content"
    assert file_host.names == ["files.openai.com"]
    with pytest.raises(AssertionError):
        await dial("localhost", file_host.port, None)


async def test_the_systems_resolver_gives_addresses_as_text() -> None:
    found = await resolved("localhost", 443)
    assert found
    assert {str(ip_address(text)) for text in found} <= {"127.0.0.1", "::1"}
    assert not any(map(is_public, found))
    with pytest.raises(socket.gaierror):
        await resolved("no-such-host.invalid", 443)


async def test_an_address_is_dialled_with_the_systems_trust(file_host: FileHost) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await dialled("127.0.0.1", file_host.port, "files.openai.com")
    assert file_host.names == ["files.openai.com"]


NO_ANSWER = {
    "garbage": b"no http\r\n\r\n",
    "two lengths": OK + b"content-length: 7\r\ncontent-length: 8\r\n\r\ncontent",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: no\r\nconnection: upgrade\r\n\r\n",
    "bad chunk": CHUNKED + b"zz\r\ncontent",
    "endless head": OK + b"x-a: 1\r\n" * 50_000,
    "endless trailers": CHUNKED + b"0\r\n" + b"x-a: 1\r\n" * 50_000,
}
BROKEN = {
    "short": OK + b"content-length: 9\r\n\r\ncontent",
    "no last chunk": CHUNKED + chunk(b"content"),
    "half a head": OK + b"content-le",
    "nothing": b"",
}


@pytest.mark.parametrize("said", NO_ANSWER.values(), ids=NO_ANSWER)
async def test_what_is_no_http_is_no_file(file_host: FileHost, said: bytes) -> None:
    file_host.faulty.script = saying(said)
    assert "no valid HTTP" in await unreachable(file_host.fetcher())


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN)
async def test_a_file_that_breaks_off_is_no_file(file_host: FileHost, said: bytes, *, resets: bool) -> None:
    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(said)
        if resets:
            connection.reset()

    file_host.faulty.script = script
    assert "broke off" in await unreachable(file_host.fetcher())


@pytest.mark.parametrize("fields", [b"", b"connection: close\r\n"])
async def test_a_file_whose_end_is_not_told_is_not_known_to_be_whole(
    file_host: FileHost, fields: bytes
) -> None:
    file_host.faulty.script = saying(OK + fields + b"\r\ncontent")
    assert "where the file ends" in await unreachable(file_host.fetcher())


async def test_a_file_of_the_limit_is_taken_and_a_larger_one_is_not(file_host: FileHost) -> None:
    file_host.faulty.script = saying(file_answer(b"content"))
    assert (await file_host.fetcher().fetch(URL, 7, PARAM)).content == b"content"
    error = await refused(file_host.fetcher(), RequestTooLarge, limit=6)
    assert (error.kind.status, error.code, error.param) == (413, "input_too_large", PARAM)


async def test_out_of_descriptors_the_relay_is_busy(file_host: FileHost) -> None:
    async def dial_none(_address: str, _port: int, _name: str) -> Dialled:
        raise OSError(errno.EMFILE, "Too many open files")

    error = await refused(Fetcher(file_host.resolve, dial_none), RelayBusy)
    assert error.headers == {"Retry-After": "1"}


async def test_a_fetch_that_is_given_up_closes_its_connection(file_host: FileHost) -> None:
    file_host.faulty.script = saying(OK + b"content-length: 9\r\n\r\ncontent")
    task = asyncio.create_task(file_host.fetcher().fetch(URL, LIMIT, PARAM))
    await eventually(lambda: len(file_host.faulty.heads) == 1)
    assert file_host.faulty.open == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: file_host.faulty.open == 0)
