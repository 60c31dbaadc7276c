"""What this project says of operations that are none: each with the line to change."""

from pathlib import Path

import pytest

from codegen import contract, lines
from codegen.__main__ import main
from codegen.stale import known_to_sandbox, stale
from tests.codegen.projects import GROUPS, write_project

HANDLERS = '''\
"""Handlers."""


async def get_state() -> None: ...


async def _inner() -> None: ...


def plain() -> None: ...


async def left_over() -> None: ...
'''
FAMILIES = """\
from types import MappingProxyType

HANDLERS: dict[str, object] = {
    "getThing": {"nothing": 1},
    "lostThing": 2,
}
_OWN = {"updateThing": 1, "lostOwn": 2}
_OTHER = {"notLookedAt": 1}
"""
TABLES = """\
from types import MappingProxyType

FAMILIES = MappingProxyType(
    {
        "/things": 1,
        "/lost": 2,
        **{},
    }
)
_SESSIONS: object = MappingProxyType({"/v1/things": 1, "/v1/lost": 2})
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project in which something is left over everywhere."""
    groups = {
        **GROUPS,
        "groups": {
            "things": {**GROUPS["groups"]["things"], "operations": ["create-thing", "getState", "lostGroup"]}
        },
    }
    root = write_project(tmp_path, groups=groups)
    (root / "handlers" / "state.py").write_text(HANDLERS)
    (root / "sandbox").mkdir()
    (root / "sandbox" / "families.py").write_text(FAMILIES)
    (root / "sandbox" / "tables.py").write_text(TABLES)
    return root


LEFT_OVER = [
    ("handlers/state.py", "left_over", "no operation names the handler state.left_over"),
    ("sandbox/families.py", "lostThing", "'lostThing' is no operation of the contract"),
    ("sandbox/families.py", "lostOwn", "'lostOwn' is no operation of the contract"),
    ("sandbox/tables.py", "/lost", "'/lost' is no path of the contract"),
    ("sandbox/tables.py", "/v1/lost", "'/v1/lost' is no path of the contract"),
    ("spec/groups.yaml", "lostGroup", "'lostGroup' is no operation of the contract"),
]


def test_everything_that_leads_nowhere_is_named_with_its_line(project: Path) -> None:
    found = stale(contract.load(project / "spec"), project)
    expected = []
    for name, word, said in LEFT_OVER:
        text = (project / name).read_text().splitlines()
        quoted = word if word == "left_over" else f'"{word}"'
        (number,) = [number for number, line in enumerate(text, start=1) if quoted in line]
        expected.append(f"{name}:{number}: {said}")
    assert sorted(found) == sorted(expected)


def test_what_the_sandbox_knows_are_the_keys_of_its_tables(project: Path) -> None:
    assert known_to_sandbox(project) == {
        *("getThing", "lostThing", "updateThing", "lostOwn", "/things", "/lost", "/v1/things", "/v1/lost")
    }


def test_regen_goes_on_and_says_so_and_the_check_refuses(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(project)]) == 0
    told = capsys.readouterr().err.splitlines()
    for name, _, said in LEFT_OVER:
        assert any(name in line and said in line and "`make check` refuses it" in line for line in told), name
    assert main(["--root", str(project), "--check"]) == 1
    checked = capsys.readouterr().err.splitlines()
    assert [f"{line}; `make check` refuses it" for line in checked] == told

    # What went in has changed, and what came out has not: the check names the input.
    (project / "requirements.lock").write_text("# another tool\n")
    assert main(["--root", str(project), "--check"]) == 1
    changed = [line for line in capsys.readouterr().err.splitlines() if line not in checked]
    assert changed[0] == "codegen: an input has changed since: requirements.lock; heal it with: make regen"
    assert changed[1] == "codegen: generated/ has drifted: different: MANIFEST.json; heal it with: make regen"
    assert len(changed) == 2


YAML = """\
# A comment.
actions:

  - target: $.a
    update: {x: 1,
      y: [1,
        2]}
  - target: >-
      $.b
      .c
    remove: true
empty:
"""


def test_each_key_and_item_of_yaml_has_its_line() -> None:
    found = lines.of_yaml(YAML)
    assert [found["actions", number] for number in (0, 1)] == [4, 8]
    assert found["actions", 0, "update", "y", 1] == 7
    assert found["actions", 1, "remove"] == 11
    assert found["empty",] == 12
    assert ("actions", 2) not in found


@pytest.mark.parametrize("text", ["", "a: [1", "\t:", "a: b: c", "&a [*a]", "- 1\n- *b"])
def test_text_that_is_no_yaml_has_the_lines_before_its_fault(text: str) -> None:
    assert all(number >= 1 for number in lines.of_yaml(text).values())
