"""Compares what clients were answered in a run of every test with the committed evidence, or writes it.

Where tests run in several processes (pytest-xdist), each tells the first one what it saw and left out.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.evidence import add, seen

FILE = Path(__file__).with_name("evidence.json")
COMMAND = "make coverage"
_PARTIAL = ("collectonly", "ignore", "ignore_glob", "lf", "setuponly", "setupplan")
_SHOWN_LINES = 10
_LEFT_OUT = ("slow", "fuzz")
_SENT = "evidence"
_deselected = pytest.StashKey[bool]()
_said = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-evidence", action="store_true", help=f"write {FILE.name}; see {COMMAND}")


def pytest_deselected(items: list[pytest.Item]) -> None:
    # These leave no evidence, and a run of every test is one without them.
    if not all(any(map(item.get_closest_marker, _LEFT_OUT)) for item in items):
        items[0].config.stash[_deselected] = True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # A process that broke down has sent nothing, and its run fails.
    sent = getattr(node, "workeroutput", {}).get(_SENT, {"seen": {}, "deselected": False})
    add(sent["seen"])
    node.config.stash[_deselected] = sent["deselected"] or node.config.stash.get(_deselected, False)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput[_SENT] = {"seen": seen(), "deselected": config.stash.get(_deselected, False)}
    else:
        _conclude(session, config, exitstatus)


def _conclude(session: pytest.Session, config: pytest.Config, exitstatus: int) -> None:
    writes = config.getoption("--write-evidence")
    if exitstatus != pytest.ExitCode.OK or not _is_whole(config):
        lines = ["nothing is written: that takes a run of every test, and none that fails"] if writes else []
    elif writes:
        text = json.dumps(seen(), indent=1) + "\n"
        FILE.write_text(text, encoding="utf-8")
        lines = []
    else:
        lines = _differences(seen(), json.loads(FILE.read_text(encoding="utf-8")))
    if lines:
        config.stash[_said] = lines
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(_said, []):
        terminalreporter.section(f"evidence; heal it with: {COMMAND}", red=True)
        for line in lines:
            terminalreporter.write_line(line)


def _is_whole(config: pytest.Config) -> bool:
    """Whether the run had every test."""
    everywhere = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    partly = any(config.getoption(name, None) for name in _PARTIAL)
    overridden = config.getoption("override_ini", None) or []
    partly = partly or any(one.startswith("testpaths") for one in overridden)
    return everywhere and not partly and not config.stash.get(_deselected, False)


def _differences(found: dict[str, list[str]], kept: dict[str, list[str]]) -> list[str]:
    """A line for each operation whose clients are others in this run than in the file, up to a few."""
    lines = [
        f"{name}: {FILE.name} says {_listed(kept.get(name))}, this run {_listed(found.get(name))}"
        for name in sorted(found.keys() | kept.keys())
        if found.get(name) != kept.get(name)
    ]
    more = [f"and {len(lines) - _SHOWN_LINES} more"] if len(lines) > _SHOWN_LINES else []
    return [*lines[:_SHOWN_LINES], *more]


def _listed(clients: list[str] | None) -> str:
    return ", ".join(clients or ["nobody"])
