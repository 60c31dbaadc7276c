"""Who is shown a page, and who gets JSON: what Accept prefers (RFC 9110, 12.5.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from relay.pages.accept import prefers_page

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)


@pytest.mark.parametrize(
    "field",
    [
        FIREFOX,
        CHROMIUM,
        "text/html",
        "TEXT/HTML",
        "text/*",
        "text/html;charset=UTF-8",
        'text/html;charset="utf-8"',
        "text/html;q=0.001",
        "application/json;q=0.9, text/html",
        "application/json;q=0, */*",
        "*/*;q=0.1, text/html;q=0.2",
        "text/html;charset=utf-8;q=0.5, application/json;q=0.4",
        " , text/html ,",
        'image/png;name="a,b", text/html',
        'image/png;name="text/html;q=0", text/html',
        "no range, text/html",
        "application/json;profile=x, text/html",
        "application/json;q=7, text/html;q=0.5",
    ],
)
def test_a_page_is_for_who_gives_it_the_greater_weight(field: str) -> None:
    assert prefers_page(field)


@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "*/*",
        "application/json",
        "text/html, application/json",
        "text/html, */*",
        "text/html;q=0.5, application/*;q=0.8",
        "text/html;q=0",
        "text/html;q=0, text/*",
        "text/html;level=1",
        "text/html;charset=latin-1",
        "text/htmlx, xtext/html",
        "text/html;q=2",
        "text/html;q=.5",
        "text/html;q=0.1234",
        'text/html;q="1',
        "text/plain",
        "text/event-stream, application/json",
    ],
)
def test_json_is_for_everybody_else(field: str | None) -> None:
    assert not prefers_page(field)


RANGES = st.sampled_from(
    ["text/html", "text/*", "*/*", "application/json", "application/*", "image/png", "text/plain"]
)
SPACE = st.sampled_from(["", " ", "\t"])


@given(st.dictionaries(RANGES, st.none() | st.integers(0, 1000)), SPACE, SPACE)
def test_every_list_is_read_as_another_reader_reads_it(
    weights: dict[str, int | None], before: str, after: str
) -> None:
    members = [
        name if weight is None else f"{name}{before};{after}q={weight / 1000:.3f}"
        for name, weight in weights.items()
    ]
    field = f"{before},{after}".join(members)
    read = parse_accept_header(field, MIMEAccept)
    assert prefers_page(field) is (read.quality("text/html") > read.quality("application/json"))


PIECES = st.sampled_from(
    ["text/html", "*/*", "application/json", ";q=", "0.5", "1", '"', "\\", ",", ";", " "]
)


@given(st.text(max_size=60) | st.lists(PIECES, max_size=20).map("".join))
def test_any_text_is_answered(field: str) -> None:
    assert prefers_page(field) in {True, False}


@pytest.mark.parametrize(
    "field",
    ["a/b;" * 16_000, 'a/b;x="' * 9_000, " ;" * 32_000, "text/html ; " * 5_000, '"\\' * 30_000, "a" * 65_000],
)
def test_the_longest_fields_are_read_in_one_pass(field: str) -> None:
    assert not prefers_page(field + "\x00")
