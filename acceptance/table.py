"""Tables for people: in colour and as wide as the terminal, or plain where something else reads them."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from acceptance.report import echo

# A pipe has no width: a line that is one row can be searched.
_UNBOUNDED = 10_000
_LEAST_COLUMNS = 20
_STYLES = {
    "ok": "green",
    "same": "green",
    "expected": "cyan",
    "warning": "yellow",
    "wrong": "bold red",
    "difference": "bold red",
    "blocked": "yellow",
}


def show(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of texts; a cell that names a state is coloured (NO_COLOR, COLUMNS).

    What does not fit is wrapped and never left out. Nothing in a cell is taken for markup.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
    printed(table)


def printed(content: Table | Text) -> None:
    """Print `content` as the terminal takes it, its encoding among that."""
    made = StringIO()
    console = Console(
        file=made, force_terminal=_is_terminal(), width=_columns(), highlight=False, soft_wrap=False
    )
    console.print(content)
    for line in made.getvalue().splitlines():
        echo(line.rstrip())


def _is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _columns() -> int:
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return max(int(given), _LEAST_COLUMNS)
    return max(shutil.get_terminal_size().columns, _LEAST_COLUMNS) if _is_terminal() else _UNBOUNDED
