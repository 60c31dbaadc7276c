"""The measured part of docs/reliability.md: written by a whole run, read by a test that holds it complete."""

from collections.abc import Iterable, Mapping

from tests.reliability.rows import GROUPS, ROWS
from tests.servers import PROJECT

FILE = PROJECT / "docs" / "reliability.md"
BEGIN, END = "<!-- measured: begin, written by `make reliability` -->\n", "<!-- measured: end -->\n"
COMMAND = "make reliability"
_PASSED = "passed"
_NOT_RUN = ("not run", 0.0)

Rows = Mapping[str, tuple[str, float]]
Figures = Mapping[str, tuple[str, str]]


def written(rows: Rows, figures: Figures, measured: str, *, keep: bool) -> str:
    """The tables as Markdown; `keep` puts them into the document, which lists every row.

    `rows` are results and seconds by row, `figures` are values and rows by name, `measured` says where.
    """
    part = "\n".join(
        [measured, *_table_of_rows(rows, ROWS if keep else rows), "", *_table_of_figures(rows, figures), ""]
    )
    if keep:
        text = FILE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        FILE.write_text(before + BEGIN + "\n" + part + "\n" + END + rest.partition(END)[2], encoding="utf-8")
    return part


def results() -> dict[str, str]:
    """The result of each row in the document, by row."""
    part = FILE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    cells = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {row: result for row, _, result, *_ in (cell for cell in cells if cell[0] in ROWS)}


def command(row: str) -> str:
    """The command that runs one row alone."""
    return f"{COMMAND} ROW={row[0]}{int(row[1:]):02}"


def _table_of_rows(rows: Rows, shown: Iterable[str]) -> list[str]:
    lines: list[str] = []
    group = ""
    for row in (row for row in ROWS if row in set(shown)):
        if group != row[0]:
            group = row[0]
            lines += ["", f"### {group}. {GROUPS[group]}", "", "| row | what holds | result | seconds |"]
            lines.append("| --- " * 4 + "|")
        result, seconds = rows.get(row, _NOT_RUN)
        lines.append(f"| {row} | {ROWS[row]} | {_cell(result)} | {seconds:.1f} |")
    return lines


def _table_of_figures(rows: Rows, figures: Figures) -> list[str]:
    passed = sum(result == _PASSED for result, _ in rows.values())
    lines = ["### Figures", "", "| figure | value | command |", "| --- " * 3 + "|"]
    lines.append(f"| rows passed | {passed} of {len(ROWS)} | `{COMMAND}` |")
    for name, (value, row) in figures.items():
        lines.append(f"| {_cell(name)} | {_cell(value)} | `{command(row)}` |")
    return lines


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
