"""The tables of the clients' methods, at the end of the session."""

import pytest

from tests.parity import table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each method came to, directly and through the relay."""
    lines = list(table.lines())
    if lines:
        terminalreporter.section("OpenAI's Python client: the same through the relay")
        for line in lines:
            terminalreporter.write_line(line)
