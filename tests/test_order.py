"""Long files come first, each whole, and the rest as they were found."""

from pathlib import Path

import pytest

from tests.nested import run_pytest
from tests.order import FOLDER, LONGEST

PLUGIN = """
from pathlib import Path
from tests import order
order._RANKS = {Path(__file__).parent / name: rank for rank, name in enumerate(["test_c.py", "test_b.py"])}
from tests.order import pytest_collection_modifyitems
"""


@pytest.mark.parametrize("name", LONGEST)
def test_a_file_that_is_named_is_there(name: str) -> None:
    assert (FOLDER / name).is_file()


def test_no_file_is_named_twice() -> None:
    assert len(set(LONGEST)) == len(LONGEST)


def test_long_files_are_first_and_whole(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(PLUGIN)
    for name in "abcd":
        (tmp_path / f"test_{name}.py").write_text("def test_2(): pass\ndef test_1(): pass\n")
    done = run_pytest(tmp_path, "-v", "-n", "0")
    assert done.returncode == 0, done.stdout
    ran = [line.split()[0] for line in done.stdout.splitlines() if " PASSED " in line]
    assert ran == [f"test_{name}.py::test_{number}" for name in "cbad" for number in (2, 1)]


def test_the_order_is_the_one_that_processes_are_given_files_in(request: pytest.FixtureRequest) -> None:
    assert request.config.getoption("dist") in {"loadfile", "no"}
    assert request.config.getoption("loadscopereorder") is False
