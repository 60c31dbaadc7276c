"""Every row has a test, every test has a row, and the document says what became of each."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability import document
from tests.reliability.document import FILE, command, results, written
from tests.reliability.rows import GROUPS, ROWS, prefix

_MARK = re.compile(r"pytest\.mark\.row\('(\w+)'\)")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def in_this_folder() -> Iterator[tuple[str, list[str]]]:
    """The names of this folder's tests, each with the rows that it is marked with."""
    for path in Path(__file__).parent.glob("test_*.py"):
        if path == Path(__file__):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, Function) and node.name.startswith("test_"):
                yield node.name, _MARK.findall(" ".join(map(ast.unparse, node.decorator_list)))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_test(row: str) -> None:
    assert [name for name, marked in in_this_folder() if row in marked]


def test_a_test_has_one_row_and_its_name() -> None:
    found = dict(in_this_folder())
    assert [name for name, marked in found.items() if len(marked) != 1] == []
    assert [name for name, marked in found.items() if not name.startswith(prefix(*marked))] == []


def test_a_row_belongs_to_a_group() -> None:
    assert {row[0] for row in ROWS} == set(GROUPS)


def test_the_document_lists_each_row_with_its_result(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--reliability"):
        pytest.skip("this run writes the document once it is over")
    told = results()
    assert list(told) == list(ROWS)
    assert [one for one in told.values() if not re.match(r"passed$|known failure: .", one)] == []


def test_a_whole_run_is_written_into_the_document_and_read_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "reliability.md"
    copy.write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(document, "FILE", copy)
    rows = {row: ("FAILED" if row == "a1" else "passed", 1.0) for row in ROWS}
    assert "| a1 | " in written(rows, {}, "Elsewhere.", keep=False)
    assert copy.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")
    told = written(rows, {"bytes | scanned": ("7 MB", "d22")}, "Here.", keep=True)
    assert f"| rows passed | {len(ROWS) - 1} of {len(ROWS)} | `make reliability` |" in told
    assert f"| bytes \\| scanned | 7 MB | `{command('d22')}` |" in told
    assert results() == {row: result for row, (result, _) in rows.items()}
    before, after = (file.read_text(encoding="utf-8") for file in (FILE, copy))
    assert before.partition(document.BEGIN)[0] == after.partition(document.BEGIN)[0]
    assert before.partition(document.END)[2] == after.partition(document.END)[2]
