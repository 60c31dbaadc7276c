"""How much of the contract was answered as it says, at the session's end."""

import pytest

from tests.evidence import seen
from tests.surface.contract import UPSTREAM

_ran = pytest.StashKey[bool]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take note that a test of this folder ran: pytest calls this for no other."""
    item.config.stash[_ran] = True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Count the operations that were answered, and name those that were not."""
    if not config.stash.get(_ran, False):
        return
    clients = seen()
    missing = [name for name in UPSTREAM if "contract" not in clients.get(name, [])]
    answered = f"{len(UPSTREAM) - len(missing)} of {len(UPSTREAM)} operations of the contract answered"
    terminalreporter.section("the contract")
    terminalreporter.write_line(f"{answered} through the relay with schema-valid bodies")
    if missing:
        terminalreporter.write_line(f"not answered: {', '.join(missing)}")
