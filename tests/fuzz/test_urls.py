"""Addresses by the hundred thousand: none leads elsewhere than other parsers say, and to none but OpenAI."""

import re
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from relay.actions.urls import checked
from tests.fuzz.urls import GOOD, HOSTILE, HOSTS, let_through, mixed

MIXED = 1_000_000
MADE = 5_000
RUN = settings(
    max_examples=MADE, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.mark.fuzz
def test_no_mixed_address_is_let_through_wrongly() -> None:
    passed = sum(map(let_through, islice(mixed(20261121), MIXED)))
    assert MIXED / 100 < passed < MIXED / 2
    assert all(map(let_through, GOOD))
    assert not any(map(let_through, HOSTILE))


@pytest.mark.fuzz
def test_no_address_that_hypothesis_makes_is_let_through_wrongly() -> None:
    tried = 0

    @RUN
    @seed(20261121)
    @given(
        st.lists(
            st.sampled_from([*GOOD, *HOSTILE, *HOSTS, *"@:/\\?#.%", "https://"]) | st.text(max_size=8),
            max_size=5,
        )
    )
    def holds(parts: list[str]) -> None:
        nonlocal tried
        tried += 1
        let_through("".join(parts))

    holds()
    assert tried >= MADE


@pytest.mark.fuzz
def test_every_proper_address_of_a_file_host_is_let_through_as_it_is() -> None:
    @RUN
    @seed(20261121)
    @given(st.sampled_from(HOSTS), st.sampled_from(["", ":443"]), st.from_regex(r"[!-~]*", fullmatch=True))
    def holds(host: str, port: str, rest: str) -> None:
        target = "/" + re.sub(r"[\\#]", "", rest)
        found = checked(f"https://{host}{port}{target}", "url")
        assert (found.host, found.path) == (host.lower(), target.encode())
        assert let_through(f"https://{host}{port}{target}")

    holds()
