"""JSON by value, and events however they are written, against oracles that know nothing of places."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptance.diff import values
from acceptance.diff.events import events
from acceptance.diff.finding import NOTHING, Finding, told

NAMES = st.sampled_from(["id", "created", "a", "a b", "x_id", "é"])
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)


@given(JSON, JSON)
def test_values_differ_exactly_where_their_canonical_texts_do(here: Any, there: Any) -> None:
    found = list(values.differing("", here, there, makes=False))
    assert bool(found) == (json.dumps(here, sort_keys=True) != json.dumps(there, sort_keys=True))
    assert not any(finding.expected for finding in found)


@given(JSON, JSON)
def test_what_differs_only_as_expected_is_the_same_without_it(here: Any, there: Any) -> None:
    found = list(values.differing("", here, there, makes=True))
    if all(finding.expected for finding in found):
        bare = [json.dumps(values.bare(value, makes=True), sort_keys=True) for value in (here, there)]
        assert bare[0] == bare[1]


@pytest.mark.parametrize(
    ("here", "there", "place"),
    [
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a[0].b"),
        ([1, 2], [1], "[1]"),
        ({"a b": 1}, {}, '["a b"]'),
        ({"a": {"b c": 1}}, {"a": {}}, 'a["b c"]'),
        (1, True, "body"),
        (0, False, "body"),
    ],
)
def test_a_difference_has_a_place(here: Any, there: Any, place: str) -> None:
    assert [finding.place for finding in values.differing("", here, there, makes=True)] == [place]


def test_an_id_that_is_missing_is_no_other_id() -> None:
    [found] = values.differing("", {"id": "a"}, {}, makes=True)
    assert (found.relayed, found.expected) == (NOTHING, "")


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff", b"1" * 5_000, b'"' + b"\\u"])
def test_what_is_no_json_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(values.NoJSON):
        values.parsed(text)


@pytest.mark.parametrize(("levels", "read"), [(98, "read"), (101, ""), (990, "")])
def test_what_is_read_is_never_too_deep_to_be_told(levels: int, read: str) -> None:
    text = b'{"a":' * levels + b"1" + b"}" * levels
    if not read:
        with pytest.raises(values.NoJSON):
            values.parsed(text)
        return
    value = values.parsed(text)
    assert list(values.differing("", value, 1, makes=True))
    assert values.bare(value, makes=True) == value


@given(
    st.lists(st.tuples(st.sampled_from(["", "one"]), st.text("ab{}", min_size=1)), max_size=4),
    st.sampled_from(["\n", "\r\n"]),
)
def test_events_are_read_whatever_ends_their_lines(made: list[tuple[str, str]], end: str) -> None:
    written = "".join(
        (f"event: {name}{end}" if name else "") + f": note{end}data: {data}{end}{end}" for name, data in made
    )
    found = events(written.encode())
    assert [event.data.decode() for event in found] == [data for _, data in made]
    assert [event.name for event in found] == [name or "message" for name, _ in made]


def test_expected_findings_that_are_alike_are_told_once_and_differences_each() -> None:
    alike = [Finding(f"events[{number}].id", "a", "b", "made") for number in range(3)]
    apart = [Finding(f"events[{number}].text", "a", "b") for number in range(2)]
    shown = told([*alike, *apart], set())
    assert [finding.place for finding in shown] == [
        "events[0].id and 2 more",
        "events[0].text",
        "events[1].text",
    ]
    assert all(finding.expected for finding in told([*alike, *apart], {"events[].text"}))
