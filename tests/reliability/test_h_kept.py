"""h. A connection that is kept for the next request: what it says meanwhile is nobody's, and it may end."""

import pytest

from tests.faulty import Connection
from tests.relay.wire import LAST_CHUNK, ask, chunk
from tests.reliability.kept import FIRST, FRESH, POISON, Kept, keeping, whole
from tests.reliability.test_h_answers import CHUNKED, OK
from tests.reliability.test_h_upstream import asking, assert_refused, every_method

UNASKED = {
    "an answer": POISON,
    "garbage": b"\x00garbage",
    "half an answer": POISON[:20],
    "a farewell": b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 6\r\n\r\npoison",
}


async def waits(kept: Kept, connection: Connection) -> None:
    """Wait until the relay lets the connection go."""
    await connection.rest()
    kept.discarded.set()


@pytest.mark.row("h36")
@pytest.mark.parametrize("unasked", UNASKED.values(), ids=UNASKED)
@pytest.mark.parametrize(
    "first", [whole(FIRST), OK + CHUNKED + chunk(FIRST) + LAST_CHUNK], ids=["length", "chunks"]
)
def test_h36_what_follows_an_answer_never_reaches_the_next_request(first: bytes, unasked: bytes) -> None:
    with keeping(waits, first + unasked, at_once=True) as kept:
        answer = ask(kept.root, "GET", "/v1/models")
        assert (answer.status, answer.body) == (200, FRESH)
        assert kept.discarded.wait(10)


@pytest.mark.row("h36")
@pytest.mark.parametrize("unasked", UNASKED.values(), ids=UNASKED)
def test_h36_what_comes_over_an_idle_connection_never_reaches_the_next_request(unasked: bytes) -> None:
    async def speaks_up(kept: Kept, connection: Connection) -> None:
        await connection.say(unasked)
        kept.disturbed.set()
        await waits(kept, connection)

    with keeping(speaks_up) as kept:
        kept.disturb()
        answer = ask(kept.root, "GET", "/v1/models")
        assert (answer.status, answer.body) == (200, FRESH)
        assert kept.discarded.wait(10)


@pytest.mark.row("h38")
@every_method
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_h38_a_connection_that_ended_while_idle_costs_no_request(asked: str, *, reset: bool) -> None:
    async def ends(_kept: Kept, connection: Connection) -> None:
        if reset:
            connection.reset()
        await connection.close()

    with keeping(ends) as kept:
        kept.disturb()
        answer = asking(kept.root, asked)
        assert (answer.status, answer.body) == (200, b"" if asked == "head" else b"fresh")
        assert len(kept.faulty.heads) == 2


@pytest.mark.row("h38")
@every_method
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_h38_a_request_that_was_written_is_not_repeated(asked: str, *, reset: bool) -> None:
    async def takes_one_more(_kept: Kept, connection: Connection) -> None:
        await connection.head()
        if reset:
            connection.reset()

    with keeping(takes_one_more, at_once=True) as kept:
        assert_refused(kept.root, kept.faulty.base_url, asked, 502, "upstream_unreachable")
        assert len(kept.faulty.heads) == 2
