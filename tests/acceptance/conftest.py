"""The relay that spoilt flows share, and the table of a whole check at the session's end."""

from collections.abc import Iterator

import pytest

from tests.acceptance.stage import Stage, staged

TABLE = "relay check"


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what a test kept as the property TABLE, as it was printed."""
    reports = [one for found in terminalreporter.stats.values() for one in found]
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "call":
            for text in (value for name, value in report.user_properties if name == TABLE):
                terminalreporter.section("relay check, over relay serve --sandbox")
                terminalreporter.write_line(str(text).rstrip("\n"))
