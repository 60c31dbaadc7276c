"""The path guard of `POST /v1/proxy`: a path has one reading, in every reader, or it is refused."""

import posixpath
import string
import unicodedata
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.actions.proxy import checked_path
from relay.errors import InvalidHead

WORDS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)
GOOD_SEGMENTS = st.lists(WORDS, min_size=1, max_size=3).map(".".join)
GOOD = st.lists(GOOD_SEGMENTS, min_size=1, max_size=6).map("/".join)
TRICKS = st.sampled_from(
    [
        *(
            "..",
            ".",
            "//",
            "/",
            "\\",
            "%2e",
            "%2E%2e",
            "%2f",
            "%5c",
            "%252e%252e",
            "%00",
            "%0d%0a",
            ";a=b",
            ":",
        ),
        *(
            "\r\n",
            "\n",
            "\x00",
            "\t",
            " ",
            "?",
            "#",
            "@",
            "http://",
            "https:",
            "\uff0f",
            "\uff0e",
            "\u2024",
            "\u212a",
        ),
        *(
            "\u0131",
            "\u200b",
            "\u202e",
            "\x7f",
            "\x85",
            "\xa0",
            "\ud800",
            "~",
            "*",
            "{",
            "}",
            "v1",
            "V1",
            "&",
            "+",
        ),
    ]
)
# Of anything, or of a good path with something odd in it.
ANY = st.text(max_size=20) | st.lists(GOOD_SEGMENTS | st.just("/") | TRICKS, max_size=8).map("".join)
BEGINNINGS = st.sampled_from(["", "/", "v1/", "/v1/"])


def refused(path: str) -> bool:
    """Whether the guard refuses `path`, and as it says that it does."""
    found = None
    try:
        checked_path(path)
    except InvalidHead as error:
        found = error
    assert found is None or (found.code, found.param) == ("invalid_path", "path")
    return found is not None


@given(BEGINNINGS, GOOD.filter(lambda path: not path.startswith("v1/")))
def test_a_plain_path_is_sent_as_it_is(beginning: str, path: str) -> None:
    assert checked_path(beginning + path) == b"/v1/" + path.encode()


@given(ANY)
@example("models\n")
@example("/v1/models/\u212a")
@example("a..b")
def test_what_is_sent_is_what_came_and_every_reader_reads_it_so(path: str) -> None:
    if refused(path):
        return
    sent = checked_path(path).decode("ascii")
    assert sent.removeprefix("/v1/") == path.removeprefix("/").removeprefix("v1/")
    assert (
        sent
        == unquote(sent)
        == quote(sent)
        == posixpath.normpath(sent)
        == unicodedata.normalize("NFKC", sent)
    )
    assert urlsplit(sent)._replace(path="") == urlsplit("")
    assert urlsplit(urljoin("https://host.example/else/where", sent)).path == sent
    assert httpx.URL("https://host.example").join(sent).raw_path.decode() == sent
    assert "".join(sent.split()) == sent
    assert not [part for part in sent[1:].split("/") if not part.strip(".")]


@given(BEGINNINGS, GOOD, TRICKS.filter(lambda trick: not trick.isalnum()), GOOD)
def test_a_trick_between_plain_paths_is_refused(beginning: str, left: str, trick: str, right: str) -> None:
    whole = beginning + left + trick + right
    if trick in {".", "/"}:
        assert not refused(whole)
    else:
        assert refused(whole)


@given(GOOD, TRICKS.filter(lambda trick: not trick.isalnum() and trick != "/"))
def test_a_trick_at_either_end_or_alone_is_refused(path: str, trick: str) -> None:
    assert refused(trick)
    assert refused(trick + path)
    assert refused(path + trick)
    assert refused(f"{path}/{trick}")
    assert refused(f"{path}/{trick}/{path}")


@pytest.mark.parametrize(
    "path", ["", "/", "//", "v1/", "/v1/", "models/", "/models/", "//models", ".models", "models."]
)
def test_a_path_has_no_empty_segment_and_no_dot_at_a_segments_end(path: str) -> None:
    assert refused(path)


def test_a_path_is_as_long_as_it_may_be() -> None:
    assert len(checked_path("a" * 1024)) == 1028
    assert refused("a" * 1025)
    assert refused("/" + "a" * 1024)
    assert refused("a/" * 500_000)
