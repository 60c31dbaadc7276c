"""Hostile paths through `POST /v1/proxy` of a whole relay, judged by a list that was written by hand.

`make fuzz` tries the many; every run of the tests tries a few.
"""

import asyncio
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generated.operations import OPERATIONS
from relay.app import create_app
from relay.settings import load_settings
from tests.fuzz.allowed import ALLOWED
from tests.fuzz.hostile import BEGINNINGS, IDS, METHODS, TRICKS, generated
from tests.fuzz.within import Relay, living
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, recording


@pytest.fixture
def tell(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Says a line on the terminal in a run of the many."""

    def say(line: str) -> None:
        if request.node.get_closest_marker("fuzz"):
            with capsys.disabled():
                print(f"\n{line}")  # noqa: T201 - it is what the command tells

    return say


@pytest.fixture(scope="module")
def relay_within() -> Iterator[Relay]:
    recorder = Recorder()
    with recording(recorder) as base_url, asyncio.Runner() as runner:
        given = {"openai_api_base": base_url, "openai_api_key": REAL_KEY, "relay_key": RELAY_KEY}
        app = create_app(load_settings(**given, relay_blocked_operations=[], log_level="critical"))
        with living(app, runner):
            yield Relay(app, recorder, runner)


@pytest.mark.parametrize("number", [2_000, pytest.param(120_000, marks=pytest.mark.fuzz)])
def test_of_generated_paths_only_the_allowed_ones_arrive(
    relay_within: Relay, tell: Callable[[str], None], number: int
) -> None:
    relay_within.outcomes.clear()
    for method, path in generated(number, seed=number):
        relay_within.try_one(method, path)
    outcomes = relay_within.outcomes
    assert outcomes.total() == number
    assert outcomes["let through"] > number / 10
    tell(f"{number:,} generated paths: {relay_within.told()}")


PIECES = st.lists(st.sampled_from([*TRICKS, *IDS]) | st.text(max_size=3), max_size=4).map("".join)
TEMPLATES = st.sampled_from([path + end for _, path in ALLOWED for end in ("", "*")])


@pytest.mark.parametrize("number", [200, pytest.param(10_000, marks=pytest.mark.fuzz)])
def test_of_drawn_paths_only_the_allowed_ones_arrive(
    relay_within: Relay, tell: Callable[[str], None], number: int
) -> None:
    @settings(max_examples=number, deadline=None, database=None, derandomize=True)
    @given(st.sampled_from(METHODS), st.sampled_from(BEGINNINGS), TEMPLATES, PIECES)
    def holds(method: str, beginning: str, template: str, piece: str) -> None:
        relay_within.try_one(method, beginning + template.replace("*", piece))

    relay_within.outcomes.clear()
    holds()
    tell(f"{relay_within.outcomes.total():,} drawn paths: {relay_within.told()}")


def test_the_list_that_was_written_by_hand_names_what_the_table_opens() -> None:
    found = {row for row in OPERATIONS.values() if row.proxy}
    opened = {(row.method, re.sub(r"\{[^}]+\}", "*", row.path)) for row in found}
    assert {(method, f"/v1/{path}") for method, path in ALLOWED} == opened
