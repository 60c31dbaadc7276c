"""What tests have to tell of the whole run: sections below pytest's output, whichever process they ran in."""

from typing import Any

import pytest

_SENT = "told"
_told = pytest.StashKey[list[tuple[str, str]]]()


def tell(config: pytest.Config, title: str, text: str) -> None:
    """Have `text`, of any number of lines, shown below `title` when the session is over."""
    config.stash[_told].append((title, text))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_told] = []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_SENT] = session.config.stash[_told]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_told] += getattr(node, "workeroutput", {}).get(_SENT, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    sections = config.stash[_told]
    for title, text in sorted(sections):
        terminalreporter.section(title)
        terminalreporter.write_line(text.rstrip("\n"))
