"""What tests have to tell is shown once, below the output of one process or of several."""

from pathlib import Path

import pytest

from tests.nested import run_pytest

TESTS = """
from tests.told import tell

def test_tells(request):
    tell(request.config, "Title of {name}", "first of {name}\\nsecond of {name}\\n")
"""


@pytest.mark.parametrize("processes", ["0", "2"])
def test_each_section_is_shown_with_its_lines(tmp_path: Path, processes: str) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -q -p tests.told\n")
    for name in ("b", "a"):
        (tmp_path / f"test_{name}.py").write_text(TESTS.format(name=name))
    done = run_pytest(tmp_path, "-n", processes, "--dist", "loadfile")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    shown = [line.strip("= ") for line in lines if " of " in line]
    assert shown == [f"{part} of {name}" for name in ("a", "b") for part in ("Title", "first", "second")]
