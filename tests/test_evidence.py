"""The evidence of a run: compared by a run of every test alone, and written by the command that says so."""

import json
import shutil
from pathlib import Path

import pytest

from tests.nested import run_pytest as run
from tests.servers import PROJECT

CONFIGURATION = "[pytest]\ntestpaths = tests\naddopts = -q --strict-markers --strict-config\n"
RECORDS = """
from tests.evidence import record

def test_success():
    record("createFile", "check", 200)
    record("createFile", "openai-python", 201)
    record("createBatch", "check", 400)
    record("connectRealtime", "check", 101)

def test_nothing():
    pass
"""
KEPT = {"connectRealtime": ["check"], "createFile": ["check", "openai-python"]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two tests, whose evidence is what they record."""
    folder = tmp_path / "tests"
    folder.mkdir()
    for name in ("__init__.py", "evidence.py", "evidence_plugin.py"):
        shutil.copy(PROJECT / "tests" / name, folder)
    (folder / "conftest.py").write_text('pytest_plugins = ["tests.evidence_plugin"]\n')
    (folder / "test_records.py").write_text(RECORDS)
    (folder / "evidence.json").write_text(json.dumps(KEPT))
    (tmp_path / "pytest.ini").write_text(CONFIGURATION)
    return tmp_path


def kept(project: Path) -> object:
    return json.loads((project / "tests" / "evidence.json").read_text())


def keep(project: Path, value: object) -> None:
    (project / "tests" / "evidence.json").write_text(json.dumps(value))


def test_a_whole_run_that_agrees_passes(project: Path) -> None:
    done = run(project)
    assert done.returncode == 0, done.stdout
    assert "evidence" not in done.stdout


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({}, "createFile: evidence.json says nobody, this run check, openai-python"),
        ({**KEPT, "createBatch": ["check"]}, "createBatch: evidence.json says check, this run nobody"),
        ({"createFile": ["check"]}, "createFile: evidence.json says check, this run check, openai-python"),
        ({**KEPT, **{f"op{n}": ["check"] for n in range(12)}}, "and 2 more"),
    ],
)
def test_a_whole_run_that_differs_fails_and_says_what_heals_it(
    project: Path, other: object, said: str
) -> None:
    keep(project, other)
    done = run(project)
    assert done.returncode == 1
    assert "heal it with: make coverage" in done.stdout
    assert said in done.stdout
    assert kept(project) == other


def test_what_every_run_leaves_out_leaves_no_run_partial(project: Path) -> None:
    marked = "".join(
        f"@pytest.mark.{name}\ndef test_{name}():\n    assert not 1\n" for name in ("slow", "fuzz")
    )
    (project / "tests" / "test_marked.py").write_text(f"import pytest\n\n{marked}")
    (project / "pytest.ini").write_text(
        f"{CONFIGURATION}    -m 'not slow and not fuzz'\nmarkers =\n  slow\n  fuzz\n"
    )
    assert run(project).returncode == 0
    keep(project, {})
    assert "make coverage" in run(project).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["tests/test_records.py"],
        ["-k", "nothing"],
        ["--ignore", "tests/other"],
        ["--deselect", "tests/test_records.py::test_success"],
        ["--collect-only"],
        ["-o", "testpaths=tests"],
    ],
    ids=" ".join,
)
def test_a_partial_run_compares_and_writes_nothing(project: Path, arguments: list[str]) -> None:
    keep(project, {})
    assert run(project, *arguments).returncode == 0
    done = run(project, *arguments, "--write-evidence")
    assert done.returncode == 1
    assert "nothing is written" in done.stdout
    assert kept(project) == {}


def test_a_failed_run_compares_and_writes_nothing(project: Path) -> None:
    keep(project, {})
    (project / "tests" / "test_fails.py").write_text("def test_fails():\n    assert not 1\n")
    assert "make coverage" not in run(project).stdout
    done = run(project, "--write-evidence")
    assert done.returncode == 1
    assert "nothing is written" in done.stdout
    assert kept(project) == {}


def test_the_command_writes_what_a_run_then_agrees_with(project: Path) -> None:
    keep(project, {})
    assert run(project, "--write-evidence").returncode == 0
    assert kept(project) == KEPT
    assert run(project).returncode == 0


@pytest.fixture
def spread(project: Path) -> Path:
    """The same project, whose tests run in two processes, with one more operation in another file."""
    (project / "tests" / "test_more.py").write_text(
        "from tests.evidence import record\n\ndef test_more():\n    record('createBatch', 'check', 200)\n"
    )
    (project / "pytest.ini").write_text(f"{CONFIGURATION.rstrip()} -n 2 --dist loadfile\n")
    return project


SPREAD = {"createBatch": ["check"], **KEPT}


def test_what_processes_found_is_one_evidence(spread: Path) -> None:
    differs = run(spread)
    assert differs.returncode == 1
    assert "createBatch: evidence.json says nobody, this run check" in differs.stdout
    assert differs.stdout.count("heal it with: make coverage") == 1
    assert run(spread, "--write-evidence").returncode == 0
    assert kept(spread) == SPREAD
    assert run(spread).returncode == 0


def test_a_run_that_is_partial_in_its_processes_writes_nothing(spread: Path) -> None:
    assert run(spread, "-k", "nothing or more").returncode == 0
    done = run(spread, "-k", "nothing or more", "--write-evidence")
    assert done.returncode == 1
    assert "nothing is written" in done.stdout
    assert kept(spread) == KEPT


def test_a_process_that_breaks_down_takes_its_evidence_along_and_the_run_fails(spread: Path) -> None:
    (spread / "tests" / "test_breaks.py").write_text("import os\n\ndef test_breaks():\n    os._exit(0)\n")
    done = run(spread, "--write-evidence")
    assert done.returncode == 1
    assert "crashed while running 'tests/test_breaks.py::test_breaks'" in done.stdout
    assert "nothing is written" in done.stdout
    assert kept(spread) == KEPT
