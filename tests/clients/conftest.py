"""A pair that the tests of clients share, and one of a test's own."""

from collections.abc import Iterator

import pytest

from tests.clients.stage import Pair, paired


@pytest.fixture(scope="package")
def pair() -> Iterator[Pair]:
    """A sandbox and a relay over another one, with what the tests have left there."""
    with paired() as made:
        yield made


@pytest.fixture
def fresh() -> Iterator[Pair]:
    """A pair that nobody has spoken to: what its sandboxes make is numbered alike."""
    with paired() as made:
        yield made
