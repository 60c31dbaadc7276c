"""The table that a run prints, a row at a time."""

import json
import sys
from collections.abc import Sequence

import click

from acceptance.flow import Row

_SHOWN_CHARACTERS = 300
_WIDTHS = (4, 62, 6, 7)


class Report:
    """Prints rows; the key that the run shows is never among them."""

    def __init__(self, key: str) -> None:
        self._key = key
        _print("flow", "what was shown", "result", "seconds", "detail")

    def row(self, row: Row) -> None:
        """Print one row, and below one that failed what was expected and what came."""
        result = "ok" if row.failure is None else "FAILED"
        _print(row.flow, row.shown, result, f"{row.seconds:7.2f}", safe(self._key, row.detail))
        if row.failure is not None:
            echo(f"      expected  {safe(self._key, row.failure.expected)}")
            echo(f"      came      {safe(self._key, row.failure.came)}")

    def end(self, failed: list[str], ran: list[str]) -> None:
        """Print the outcome of the flows `ran`, by their letters."""
        told = f"failed: {', '.join(failed)}" if failed else "all shown"
        echo(f"{len(ran)} flows ({', '.join(ran)}), {told}")


def safe(keys: str | Sequence[str], text: str) -> str:
    """`text` in a line's length, without the keys and without what would steer a terminal."""
    hidden = text
    for key in [keys] if isinstance(keys, str) else keys:
        for spelling in _spellings(key) if key else []:
            hidden = hidden.replace(spelling, "(the key)")
    plain = "".join(character if character.isprintable() else " " for character in hidden)
    return plain if len(plain) <= _SHOWN_CHARACTERS else plain[:_SHOWN_CHARACTERS] + " …"


def _spellings(key: str) -> list[str]:
    """The key as it came, and as JSON and Python write it between quotes, the longest first."""
    once = json.dumps(key)[1:-1]
    return sorted({key, once, json.dumps(once)[1:-1], repr(key)[1:-1]}, key=len, reverse=True)


def _print(*cells: str) -> None:
    padded = [cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=False)]
    echo("  ".join([*padded, *cells[len(_WIDTHS) :]]).rstrip())


def echo(line: str) -> None:
    """Print a line; what a server says may not exist in the terminal's encoding."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(line.encode(encoding, "replace").decode(encoding))
