"""How the results of the reliability tests are told: a row by all of its tests, and the figures with it."""

from pathlib import Path

import pytest

from tests.nested import run_pytest
from tests.reliability.rows import ROWS
from tests.servers import PROJECT

CONFIGURATION = """[pytest]
addopts = -q --strict-markers -p tests.reliability.plugin
markers =
    row(name): a row
    slow: slow
"""
TESTS = """
import pytest

@pytest.mark.row("a1")
def test_a01_passes(figure):
    figure("first | figure", "1 ms")

@pytest.mark.row("a2")
@pytest.mark.parametrize("good", [True, False])
def test_a02_fails_once(good):
    assert good

@pytest.mark.row("a3")
@pytest.mark.parametrize("good", [True, False])
def test_a03_fails_as_known(request, good):
    if not good:
        request.applymarker(pytest.mark.xfail(reason="it cannot", strict=True))
    assert good

@pytest.mark.row("a4")
@pytest.mark.xfail(reason="it can", strict=True)
def test_a04_passes_unexpectedly():
    pass

@pytest.mark.row("a5")
@pytest.mark.skipif(True, reason="no such system")
def test_a05_is_left_out():
    pass

@pytest.mark.row("a6")
@pytest.mark.slow
def test_a06_is_slow():
    pass
"""


def run(folder: Path, *arguments: str, code: int = pytest.ExitCode.TESTS_FAILED) -> str:
    (folder / "pytest.ini").write_text(CONFIGURATION)
    (folder / "test_some.py").write_text(TESTS)
    done = run_pytest(folder, *arguments)
    assert done.returncode == code, done.stdout
    return done.stdout


def test_a_row_is_what_all_of_its_tests_are(tmp_path: Path) -> None:
    document = PROJECT / "docs" / "reliability.md"
    before = document.read_bytes()
    lines = run(tmp_path, "--reliability", "-m", "not slow").splitlines()
    told = {line.split(" | ")[0]: line.split(" | ")[2] for line in lines if line.startswith("| a")}
    assert list(told.values()) == [
        "passed",
        "FAILED",
        "known failure: it cannot",
        "FAILED",
        "left out: Skipped: no such system",
    ]
    assert f"| rows passed | 1 of {len(ROWS)} | `make reliability` |" in lines
    assert "| first \\| figure | 1 ms | `make reliability ROW=a01` |" in lines
    assert document.read_bytes() == before


def test_other_runs_tell_nothing(tmp_path: Path) -> None:
    assert "what holds" not in run(tmp_path)


def test_what_is_measured_is_measured_alone(tmp_path: Path) -> None:
    said = run(tmp_path, "--reliability", "-n", "2", code=pytest.ExitCode.USAGE_ERROR)
    assert "leave out -n" in said
