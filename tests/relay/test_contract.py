"""YAML that means the same to every reader."""

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from codegen import files
from relay.contract import as_yaml

WORDS = (
    "no",
    "on",
    "~",
    "null",
    "1e3",
    ".5E-3",
    "0o17",
    "1_000",
    "12:30:45",
    "2024-10-01",
    "1e400",
    "- a",
    "a: b",
)
TEXTS = (
    st.sampled_from(WORDS)
    | st.text("0123456789eExo_.+-:# \n\\u2028\\ufeff")
    | st.text(st.characters(codec="utf-8"))
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of equal types: 1 is not true, nor 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_a_value_is_the_same_in_yaml_1_1_and_1_2(value: dict[str, Any]) -> None:
    text = as_yaml(value)
    assert same(files.parse(text, "value.yaml"), value)
    assert same(yaml.safe_load(text), value)
