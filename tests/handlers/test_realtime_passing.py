"""A client secret is known as soon as its answer is whole, and not before, however it was cut on the way."""

import json
import threading
from collections.abc import Iterator
from secrets import token_hex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.client_secrets import ClientSecrets
from tests.faulty import Connection, Faulty, misbehaving
from tests.handlers.remembered import SECRETS, remembering, secret
from tests.relay.wire import LAST_CHUNK, ask, chunk, dialled, request
from tests.servers import eventually, relay_over

JSON = "content-type: application/json"


@pytest.fixture(scope="module")
def known() -> Iterator[ClientSecrets]:
    """What the relay of this module remembers."""
    with remembering() as secrets:
        yield secrets


@pytest.fixture
def value() -> str:
    """A secret that no other test has."""
    return f"ek_{token_hex(16)}"


@pytest.fixture(scope="module")
def faulty(known: ClientSecrets) -> Iterator[tuple[Faulty, str]]:  # noqa: ARG001 - the relay takes it
    """An upstream to give a script to, and a relay over it."""
    upstream = Faulty()
    with misbehaving(upstream), relay_over(upstream.base_url) as root:
        yield upstream, root
    assert not upstream.failures


HEAD = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n"
ASKED = request("POST", SECRETS, JSON, "connection: close", body=b"{}")


def framed(pieces: list[bytes], *, chunked: bool) -> list[bytes]:
    """An answer of these pieces, each as it is written to the wire."""
    if chunked:
        return [HEAD + b"transfer-encoding: chunked\r\n\r\n", *map(chunk, filter(None, pieces)), LAST_CHUNK]
    length = b"content-length: %d\r\n\r\n" % sum(map(len, pieces))
    return [HEAD + length, *pieces]


@pytest.mark.parametrize("chunked", [False, True])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 80), max_size=5))
def test_a_secret_is_known_however_its_answer_was_cut(
    faulty: tuple[Faulty, str], known: ClientSecrets, cuts: list[int], *, chunked: bool
) -> None:
    upstream, root = faulty
    fresh = f"ek_{token_hex(16)}"
    body = json.dumps(secret(fresh)).encode()
    places = sorted(cut for cut in cuts if cut < len(body))
    pieces = [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]

    async def script(connection: Connection) -> None:
        await connection.request()
        for piece in framed(pieces, chunked=chunked):
            await connection.say(piece)

    upstream.reset(script)
    answer = ask(root, "POST", SECRETS, JSON, body=b"{}")
    assert (answer.status, answer.body) == (200, body)
    assert known.knows(fresh.encode())


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_is_not_held_back_and_known_once_the_client_has_it(
    faulty: tuple[Faulty, str], known: ClientSecrets, value: str, *, chunked: bool
) -> None:
    upstream, root = faulty
    body = json.dumps(secret(value)).encode()
    head, first, *rest = framed([body[:20], body[20:]], chunked=chunked)
    first_read, all_read = threading.Event(), threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(head + first)
        await eventually(first_read.is_set)
        await connection.say(b"".join(rest))
        await eventually(all_read.is_set)

    upstream.reset(script)
    with dialled(root, ASKED) as line:
        line.until(body[:20])
        assert not known.knows(value.encode())
        first_read.set()
        line.until(LAST_CHUNK if chunked else body[20:])
        assert known.knows(value.encode())
        all_read.set()


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_never_ended_is_not_believed(
    faulty: tuple[Faulty, str], known: ClientSecrets, value: str, *, chunked: bool
) -> None:
    upstream, root = faulty
    body = json.dumps(secret(value)).encode()
    *said, _ = framed([body, b" "], chunked=chunked)

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"".join(said))

    upstream.reset(script)
    with dialled(root, ASKED) as line:
        assert body in line.rest()
    assert not known.knows(value.encode())
