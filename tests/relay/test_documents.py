"""Which form of a document a client gets: in a coding that it takes, and none that it has already."""

import gzip
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_etags

from relay.documents import JSON, Document, coding_for, is_known
from relay.errors import NotAcceptable
from tests.servers import PROJECT

REFUSED = "refused"


def chosen(field: str | None) -> str:
    try:
        return coding_for(field)
    except NotAcceptable:
        return REFUSED


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("br", "identity"),
        ("*", "gzip"),
        ("*;q=0", REFUSED),
        ("*;q=0, identity", "identity"),
        ("*;q=0, gzip;q=0.1", "gzip"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0, *", "identity"),
        ("gzip;q=0.000", "identity"),
        ("gzip;q=0.001", "gzip"),
        ("gzip;q=0.5, identity", "identity"),
        ("gzip;q=0.5, *;q=0.8", "identity"),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("identity;q=0", REFUSED),
        ("identity;q=0, br", REFUSED),
        ("identity;q=0, gzip", "gzip"),
        ("identity;q=0, *;q=0.1", "gzip"),
        ("gzip ; q=0 , identity", "identity"),
        ("gzip;q=2", "identity"),
        ("gzip;q=-1", "identity"),
        ("gzip;q=", "identity"),
        ("gzip;q=0.1234", "identity"),
        ("gzip;level=9", "identity"),
        (",, gzip,", "gzip"),
        ('"gzip"', "identity"),
    ],
)
def test_the_coding_is_the_one_that_the_client_prefers(field: str | None, coding: str) -> None:
    assert chosen(field) == coding


NAMES = st.sampled_from(["gzip", "identity", "*", "br", "deflate"])
WEIGHTS = st.none() | st.integers(0, 1000)
SPACE = st.sampled_from(["", " ", "\t", "  "])


def acceptable(said: dict[str, int], coding: str) -> int:
    """RFC 9110, 12.5.3, rule by rule: a weight in thousandths, 0 for what must not be sent."""
    if coding in said:
        return said[coding]
    if "*" in said:
        return said["*"]
    return int(coding == "identity")


@given(st.dictionaries(NAMES, WEIGHTS), SPACE, SPACE, st.sampled_from([str.upper, str.lower, str.title]))
def test_every_list_is_read_by_the_rules(
    members: dict[str, int | None], before: str, after: str, spelled: Callable[[str], str]
) -> None:
    weights = {name: "" if q is None else f"{before};{after}q={q / 1000:.3f}" for name, q in members.items()}
    field = f"{before},{after}".join(f"{spelled(name)}{weight}" for name, weight in weights.items())
    said = {name: 1000 if q is None else q for name, q in members.items()}
    zipped, plain = (acceptable(said, coding) for coding in ("gzip", "identity"))
    best = "gzip" if zipped >= plain else "identity"
    assert chosen(field) == (best if zipped or plain else REFUSED)


@given(st.text(max_size=40) | st.text("gzipidentity*;q=01., \t", max_size=40))
def test_any_text_is_answered_by_one_of_three(field: str) -> None:
    assert chosen(field) in {"gzip", "identity", REFUSED}


TAGS = ['"a"', '"b"', '"a,b"', '"\xff"']


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(TAGS)), min_size=1, max_size=5),
    SPACE,
    SPACE,
    st.sampled_from(TAGS),
)
def test_a_list_of_tags_is_read_as_another_reader_reads_it(
    tags: list[tuple[bool, str]], before: str, after: str, wanted: str
) -> None:
    field = f"{before},{after}".join(f"{'W/' if weak else ''}{tag}" for weak, tag in tags)
    assert is_known(wanted, field) is parse_etags(field).contains_weak(wanted.strip('"'))


@pytest.mark.parametrize(
    ("field", "known"),
    [
        (None, False),
        ("", False),
        ("*", True),
        (" * ", True),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", W/"a"', True),
        (', ,"a",', True),
        ('"", "a"', True),
        ('"b"', False),
        ("a", False),
        ('w/"a"', False),
        ('"a" "b"', False),
        ('"a", b', False),
        ('"a', False),
        ('*, "a"', False),
        ('"b", *', False),
    ],
)
def test_what_is_no_list_of_tags_is_no_condition(field: str | None, known: bool) -> None:  # noqa: FBT001 - a case
    assert is_known('"a"', field) is known


@given(st.text(max_size=60) | st.text('W/"ab, *', max_size=60))
def test_any_text_is_a_condition_or_none(field: str) -> None:
    assert is_known('"a"', field) in {True, False}


@given(st.binary(max_size=500))
def test_both_codings_hold_the_same_content_under_tags_of_their_own(content: bytes) -> None:
    document = Document(lambda: content, JSON)
    assert document.made("identity") is document.made("gzip") is None
    zipped, plain = document.make("gzip"), document.make("identity")
    assert (document.made("identity"), document.made("gzip")) == (plain, zipped)
    assert (plain.coding, plain.content) == ("identity", content)
    assert (zipped.coding, gzip.decompress(zipped.content)) == ("gzip", content)
    assert plain.etag != zipped.etag
    again = Document(lambda: content, JSON)
    assert (again.make("identity"), again.make("gzip")) == (plain, zipped)


def test_another_process_makes_the_same_tags() -> None:
    code = (
        "from relay.documents import Document\n"
        "made = Document(lambda: b'{}' * 5000, 'application/json')\n"
        "print(made.make('identity').etag, made.make('gzip').etag)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    made = Document(lambda: b"{}" * 5000, JSON)
    assert done.stdout.split() == [made.make("identity").etag, made.make("gzip").etag]
