"""Fixtures that the rows share."""

from collections.abc import Iterator

import pytest

from tests.faulty import misbehaving
from tests.relay.processes import Holding


@pytest.fixture
def holding() -> Iterator[Holding]:
    """An upstream that begins its answers, and ends them once it is released."""
    made = Holding()
    with misbehaving(made.faulty):
        yield made
        made.released.set()
    assert not made.faulty.failures
