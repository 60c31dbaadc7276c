"""Lines of a server's log between two tests: what is no more than news is not shown, the rest is."""

from pathlib import Path

import pytest

from tests.nested import run_pytest

CONFTEST = """
import pytest
from relay import log

pytest_plugins = ["tests.quiet"]

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(nextitem):
    # Between the first test and the last one.
    if nextitem is not None:
        return
    for line in ("... [info     ] news", '{"level": "info", "event": "news"}', "... [warning  ] a warning"):
        log._StandardError().write(line + " between\\n")
"""


@pytest.mark.parametrize("processes", ["0", "1"])
@pytest.mark.parametrize(("capture", "shown"), [("fd", {"a warning"}), ("no", {"a warning", "news"})])
def test_only_warnings_and_errors_are_shown(
    tmp_path: Path, processes: str, capture: str, shown: set[str]
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_one.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    done = run_pytest(tmp_path, "-n", processes, f"--capture={capture}")
    assert done.returncode == 0, done.stdout
    assert {said for said in ("a warning", "news") if said in done.stdout} == shown
