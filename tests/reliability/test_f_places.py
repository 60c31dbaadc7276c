"""f. Where a file may be: at OpenAI's file hosts, at the address that was checked, and nowhere inside."""

from itertools import islice, permutations

import pytest

from relay.actions.fetch import Fetcher
from relay.errors import FileUnreachable, InvalidBody, RelayError
from relay.transport.connection import Connection as Dialled
from tests.file_host import OTHER, PUBLIC, SIXTH, URL, FileHost, file_answer, saying
from tests.fuzz.urls import GOOD, HOSTILE, LITERALS, let_through, mixed
from tests.relay.actions.test_addresses import INSIDE, NO_ADDRESS
from tests.reliability.plugin import Figure
from tests.servers import Recorder, recording

LIMIT = 1024


async def refused(fetcher: Fetcher, url: str = URL) -> RelayError:
    """The error that a fetch of `url` ends with."""
    with pytest.raises(RelayError) as caught:
        await fetcher.fetch(url, LIMIT, "url")
    assert caught.value.param == "url"
    return caught.value


def assert_blocked(error: RelayError) -> None:
    assert (type(error), error.kind.status, error.code) == (InvalidBody, 400, "blocked_url")


def assert_untouched(host: FileHost) -> None:
    """Nothing was connected to, and nothing would have been."""
    assert (host.dials, host.faulty.connections) == ([], 0)


@pytest.mark.row("f29")
@pytest.mark.parametrize("address", [*INSIDE, *NO_ADDRESS], ids=ascii)
async def test_f29_a_name_that_leads_inside_is_not_dialled(file_host: FileHost, address: str) -> None:
    file_host.answers = [[address]]
    assert_blocked(await refused(file_host.fetcher()))
    assert_untouched(file_host)


@pytest.mark.row("f29")
@pytest.mark.parametrize("port", ["", ":443"])
@pytest.mark.parametrize("literal", LITERALS, ids=ascii)
async def test_f29_an_address_in_the_place_of_a_name_is_not_even_looked_up(
    file_host: FileHost, literal: str, port: str
) -> None:
    assert_blocked(await refused(file_host.fetcher(), f"https://{literal}{port}/f"))
    assert file_host.resolved == []
    assert_untouched(file_host)


@pytest.mark.row("f30")
@pytest.mark.parametrize("order", list(permutations([PUBLIC, SIXTH, "10.0.0.1"])), ids=str)
async def test_f30_one_answer_that_leads_inside_is_one_too_many(
    file_host: FileHost, order: tuple[str, ...]
) -> None:
    file_host.answers = [list(order)]
    assert_blocked(await refused(file_host.fetcher()))
    assert_untouched(file_host)


@pytest.mark.row("f30")
async def test_f30_a_name_is_looked_up_once_for_each_file_and_its_checked_address_dialled(
    file_host: FileHost,
) -> None:
    """The resolver's answer changes as soon as it was given, as in an attack by rebinding."""
    file_host.answers = [[PUBLIC], ["127.0.0.1"], [OTHER], ["169.254.169.254"], ["::1"]]
    fetcher = file_host.fetcher()
    for address in (PUBLIC, OTHER):
        assert (await fetcher.fetch(URL, LIMIT, "url")).content == b"content"
        assert file_host.dials.pop() == (address, 443, "files.openai.com")
        assert_blocked(await refused(fetcher))
        assert file_host.dials == []
    assert_blocked(await refused(fetcher))
    assert len(file_host.resolved) == 5
    assert file_host.faulty.connections == 2


@pytest.mark.row("f30")
async def test_f30_a_connection_that_fails_is_no_reason_to_look_up_again(file_host: FileHost) -> None:
    file_host.answers = [[SIXTH, PUBLIC], ["127.0.0.1"]]

    async def failing(address: str, port: int, name: str) -> Dialled:
        connection = await file_host.dial(address, port, name)
        connection.abort()
        raise ConnectionRefusedError

    assert type(await refused(Fetcher(file_host.resolve, failing))) is FileUnreachable
    assert [address for address, *_ in file_host.dials] == [SIXTH, PUBLIC]
    assert len(file_host.resolved) == 1


@pytest.mark.row("f30")
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_f30_a_redirect_is_not_followed(file_host: FileHost, status: int) -> None:
    other = Recorder()
    with recording(other) as elsewhere:
        for location in (elsewhere, "https://files.openai.com/elsewhere", "/elsewhere"):
            field = b"location: " + location.encode()
            file_host.faulty.script = saying(file_answer(b"", field, status=b"%d Elsewhere" % status))
            error = await refused(file_host.fetcher())
            assert (type(error), error.code) == (FileUnreachable, "file_unreachable")
            assert f"answered {status}, and redirects are not followed" in error.message
    assert other.seen == []
    assert len(file_host.dials) == len(file_host.faulty.heads) == 3


@pytest.mark.row("f30")
@pytest.mark.parametrize("url", HOSTILE, ids=range(len(HOSTILE)))
async def test_f30_another_place_than_a_file_host_is_not_even_looked_up(
    file_host: FileHost, url: str
) -> None:
    assert_blocked(await refused(file_host.fetcher(), url))
    assert file_host.resolved == []
    assert_untouched(file_host)


@pytest.mark.row("f30")
@pytest.mark.parametrize("inputs", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_f30_no_mangled_address_leads_elsewhere_than_other_parsers_say(figure: Figure, inputs: int) -> None:
    assert sum(map(let_through, islice(mixed(inputs), inputs))) > inputs / 200
    assert all(map(let_through, GOOD))
    figure("fuzz inputs tried, addresses of files", f"{inputs:,}, 0 let through wrongly")
