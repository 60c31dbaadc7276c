"""What servers log between two tests stays off the terminal.

A server of a fixture serves on in a thread of its own. What it logs while pytest captures belongs to a test,
and is shown when that fails; what it logs after the test's end would stand among the dots, in each process of
`-n`. Warnings and errors still do.
"""

import sys
from collections.abc import Iterator

import pytest

from relay import log

_INFO = ("[info", '"level": "info"')


@pytest.fixture(autouse=True, scope="session")
def _quiet_between_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.config.getoption("capture") == "no":
        yield
        return
    write = log._StandardError.write

    def captured(stream: log._StandardError, text: str) -> None:
        # Where nothing captures, standard error is the process' own.
        if sys.stderr is not sys.__stderr__ or not any(mark in text for mark in _INFO):
            write(stream, text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log._StandardError, "write", captured)
        yield
