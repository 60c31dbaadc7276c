"""Tells what became of each row of the reliability tests, and the figures that they took.

`--reliability` prints both as Markdown; a run of every row, slow ones too, writes them into the document.
"""

import os
import platform
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import pytest

from tests.reliability.document import FILE, written
from tests.reliability.rows import ROWS

Figure = Callable[[str, object], None]


@dataclass
class Row:
    """One row's tests so far: seconds, and why they failed, were expected to, or were left out."""

    seconds: float = 0.0
    failed: bool = False
    known: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        """`passed`, `known failure: reason`, `left out: reason` or `FAILED`."""
        if self.failed:
            return "FAILED"
        for said, reasons in (("known failure", self.known), ("left out", self.left_out)):
            if reasons:
                return f"{said}: {'; '.join(dict.fromkeys(reasons))}"
        return "passed"


@dataclass
class Results:
    """What the run came to."""

    rows: dict[str, Row] = field(default_factory=dict)
    figures: dict[str, tuple[str, str]] = field(default_factory=dict)
    partial: bool = False


_results = pytest.StashKey[Results]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability", action="store_true", help=f"tell each row's result; see {FILE.name}")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--reliability") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--reliability measures one test at a time: leave out -n")
    config.stash[_results] = Results()


def pytest_deselected(items: list[pytest.Item]) -> None:
    items[0].config.stash[_results].partial = True


def _row_of(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("row")
    return str(mark.args[0]) if mark else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    name = _row_of(item)
    if name is not None:
        row = item.config.stash[_results].rows.setdefault(name, Row())
        row.seconds += report.duration
        row.failed |= report.failed
        if report.skipped:
            known = getattr(report, "wasxfail", None)
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            (row.left_out if known is None else row.known).append(reason if known is None else known)
    return report


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Publish a figure: its name and its value with its unit. A later value of one name replaces it."""
    row = _row_of(request.node)
    assert row is not None, "figures belong to rows"
    figures = request.config.stash[_results].figures

    def publish(name: str, value: object) -> None:
        figures[name] = (str(value), row)

    return publish


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--reliability"):
        return
    results = config.stash[_results]
    rows = {name: (row.result, row.seconds) for name, row in results.rows.items()}
    whole = rows.keys() == ROWS.keys() and not results.partial
    where = f"Python {platform.python_version()} on {platform.system()} with {os.cpu_count()} cores"
    measured = f"Measured on {time.strftime('%Y-%m-%d')}, {where}."
    terminalreporter.section("reliability")
    terminalreporter.write_line(written(rows, results.figures, measured, keep=whole))
