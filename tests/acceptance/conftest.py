"""The relay that spoilt flows share."""

from collections.abc import Iterator

import pytest

from tests.acceptance.stage import Stage, staged


@pytest.fixture(scope="session")
def _shared() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture
def stage(_shared: Stage) -> Iterator[Stage]:
    """A relay that tests share, with what they left in its sandbox; its front is this test's."""
    yield _shared
    _shared.front = _shared.relay


@pytest.fixture
def fresh() -> Iterator[Stage]:
    """A relay of the test's own, in whose sandbox is nothing."""
    with staged() as stage:
        yield stage
