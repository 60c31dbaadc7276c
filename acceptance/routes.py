"""What `relay routes` does with the routes that there are: which it lists, and how."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

from acceptance.exits import Unusable
from acceptance.report import echo
from acceptance.table import show

ANY = "any"
_HEAD = ("method", "path", "operation", "served", "judged", "doors", "blocked by")


@dataclass(frozen=True, slots=True)
class Row:
    """One route. `blocked` names the setting by which it is refused; empty: it is served.

    `doors` is what reaches it besides its own path: `proxy`, the path of its door, and the groups of Actions
    documents that have either.
    """

    method: str
    path: str
    operation: str
    served: str
    judged: str
    doors: tuple[str, ...]
    blocked: str
    tags: tuple[str, ...]


def with_ids(rows: list[Row], ids: tuple[str, ...]) -> list[Row]:
    """Those of these operation ids, all without one; raises Unusable for one that is none."""
    if unknown := set(ids) - {row.operation for row in rows}:
        raise Unusable(f"{min(unknown)!r} is no operation id; `relay routes` lists them")
    return [row for row in rows if not ids or row.operation in ids]


def with_tag(rows: list[Row], tag: str, known: set[str]) -> list[Row]:
    """Those with a tag, in whatever capitals; raises Unusable for one that is none."""
    if tag.casefold() not in {name.casefold() for name in known}:
        raise Unusable(f"--tag {tag!r} is invalid: allowed is one of {', '.join(sorted(known))}")
    return [row for row in rows if tag.casefold() in map(str.casefold, row.tags)]


def with_path(rows: list[Row], glob: str) -> list[Row]:
    """Those whose path is like `glob`, with or without `/v1`."""
    return [
        row
        for row in rows
        if any(fnmatchcase(path, glob) for path in (row.path, row.path.removeprefix("/v1")))
    ]


def with_door(rows: list[Row], door: str, known: Sequence[str]) -> list[Row]:
    """Those that a door reaches, one of `known` or ANY; raises Unusable for one that is none."""
    if door not in (ANY, *known):
        raise Unusable(f"--door {door!r} is invalid: allowed is one of {', '.join((ANY, *known))}")
    return [row for row in rows if row.doors and (door == ANY or door in row.doors)]


def tell(rows: list[Row], *, as_json: bool) -> None:
    """Print the routes as a table, or as a JSON array of objects."""
    if as_json:
        echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    cells = (
        (row.method, row.path, row.operation, row.served, row.judged, " ".join(row.doors), row.blocked)
        for row in rows
    )
    show(_HEAD, cells)
