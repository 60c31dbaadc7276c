"""The report as Markdown, ready for a pull request, and as a few lines for the terminal."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from codegen.report.project import Report, Told
from codegen.report.words import short

JSON = Any
_NAMES = 6
_SHOWN = 60
_LONGEST = 180
# A line to change ends with the reason.
_REASONED = 600
# What clients send and read by name: told in the terminal even where it breaks nothing.
_NAMED = frozenset({"operation", "parameter", "field", "event", "values", "type", "request body", "member"})
_CLIENTS, _RELAY = "breaks clients", "breaks the relay"


def markdown(report: Report) -> str:
    """The whole report."""
    sections = [
        [f"# OpenAI's document: {report.old_name} → {report.new_name}", "", *_totals(report)],
        _section(
            "What has to change in this project",
            [f"- {_code(line)}" for line in report.errors],
            empty="nothing",
        ),
        _section("New operations", _new_operations(report)),
        _section(
            "New media types", [f"- {_code(name)}: forwarded as it comes" for name in report.media_types]
        ),
        _section("Breaking", _items(one for one in report.told if one.breaks)),
        _section("Harmless", _folded(_items(one for one in report.told if not one.breaks))),
        _section("What oasdiff says", _oasdiff(report.oasdiff)),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def terminal(report: Report, folder: str) -> str:
    """The report in a few lines: totals, what has to change, what is new, what breaks; where the rest is."""
    breaking = _lines((one for one in report.told if one.breaks), _plain)
    listed = {row["operation"] for row in report.new_operations}
    harmless = [
        one
        for one in report.told
        if not one.breaks
        and one.change.subject in _NAMED
        and not (one.change.what == "added" and one.change.where in listed and not one.change.place)
    ]
    new = [
        f"new: {row['operation']}, forwarded; not yet in {_words(row['not_yet_in'])}"
        for row in report.new_operations
    ]
    lines = [
        f"{report.old_name} → {report.new_name}: {_summary(report)}",
        *_cut([f"to change: {line}" for line in report.errors], "lines to change", _REASONED),
        *_cut(new, "new operations"),
        *_cut([f"new media type: {name}, forwarded" for name in report.media_types], "new media types"),
        *_cut(breaking, "that break something"),
        *_cut(_lines(harmless, _plain), "that break nothing"),
        f"the whole report: {folder}/upstream-report.md, and .json",
    ]
    return "\n".join(lines) + "\n"


def _cut(lines: list[str], what: str, longest: int = _LONGEST) -> list[str]:
    more = [f"  and {len(lines) - _SHOWN} more {what}"] if len(lines) > _SHOWN else []
    return [f"  {short(_plain(line), longest)}" for line in lines[:_SHOWN]] + more


def _plain(text: str) -> str:
    """Text on one line; a name of the document may hold whatever it likes."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _code(text: str) -> str:
    """A code span, fenced by more backticks than it holds in a row (CommonMark 0.31, 6.1)."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{_plain(text)}{pad}{fence}"


def _cell(text: str) -> str:
    """The text of a cell of a table, where a bar would begin the next one."""
    return text.replace("|", r"\|")


def _words(names: list[str]) -> str:
    return ", ".join(names) if names else "nothing"


def _summary(report: Report) -> str:
    breaking = [one for one in report.told if one.breaks]
    counts = {
        "changes": len(report.told),
        "break clients": sum("clients" in one.breaks for one in breaking),
        "break the relay": sum("relay" in one.breaks for one in breaking),
        "lines to change": len(report.errors),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _totals(report: Report) -> Iterator[str]:
    yield f"{_summary(report)[0].upper()}{_summary(report)[1:]}."
    yield ""
    counted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in report.told:
        row = counted[one.change.subject, one.change.what]
        row[0] += 1
        row[1] += "clients" in one.breaks
        row[2] += "relay" in one.breaks
    yield "| what | changes | of which break clients | break the relay |"
    yield "| --- | --- | --- | --- |"
    for (subject, what), row in sorted(counted.items(), key=lambda item: (-item[1][0], item[0])):
        yield f"| {subject} {what} | {' | '.join(map(str, row))} |"


def _section(title: str, lines: Iterable[str], empty: str = "") -> list[str]:
    body = list(lines) or ([f"{empty.capitalize()}."] if empty else [])
    return [f"## {title}", "", *body] if body else []


def _folded(lines: list[str]) -> list[str]:
    return (
        ["<details>", f"<summary>{len(lines)} lines</summary>", "", *lines, "", "</details>"] if lines else []
    )


def _new_operations(report: Report) -> Iterator[str]:
    if report.new_operations:
        yield "| operation | id | served | not yet in |"
        yield "| --- | --- | --- | --- |"
    for row in report.new_operations:
        names = (_cell(_code(row[name])) for name in ("operation", "id"))
        yield f"| {' | '.join(names)} | forwarded | {_words(row['not_yet_in'])} |"


def _items(told: Iterable[Told]) -> list[str]:
    return [f"- {line}" for line in _lines(told, _code, "**")]


def _lines(told: Iterable[Told], quoted: Callable[[str], str], strong: str = "") -> list[str]:
    """A line for each change; the same in several places, and of several components, is one."""
    places: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    users: dict[str, set[str]] = defaultdict(set)
    for one in told:
        change = one.change
        places[change.where, change.subject, change.what, change.detail, one.breaks].append(change.place)
        users[change.where].update(change.operations)
    owners: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for (where, *rest), names in places.items():
        owners[(*rest, tuple(names))].append(where)
    return [_line(key, where, users, quoted, strong) for key, where in owners.items()]


def _line(
    key: tuple[Any, ...],
    owners: list[str],
    users: dict[str, set[str]],
    quoted: Callable[[str], str],
    strong: str,
) -> str:
    subject, what, detail, breaks, places = key
    named = _some([quoted(place) for place in places if place])
    said = " ".join(part for part in (subject, named, what) if part) + (
        f": {quoted(detail)}" if detail else ""
    )
    mark = " and ".join(_CLIENTS if one == "clients" else _RELAY for one in breaks)
    line = f"{_some(list(map(quoted, owners)))}: {said}"
    # What a schema breaks is seen at the operations that use it.
    seen = sorted(set().union(*(users[owner] for owner in owners if owner.startswith("schema "))))
    at = f", seen at {_some([quoted(name) for name in seen])}" if seen else ""
    return f"{strong}{mark}{strong}: {line}{at}" if mark else line


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _oasdiff(found: dict[str, JSON] | None) -> Iterator[str]:
    if found is None:
        return
    yield f"{found['version']} finds {found['changes']} changes, place by place, of which it holds"
    yield f"{found['breaking']} to be breaking; {found['otherwise']} of these this report judges otherwise"
    yield "(longer texts and longer lists in answers)."
    for line in found["unnamed"]:
        yield f"- only oasdiff: {_code(line)}"
    if not found["unnamed"]:
        yield "Every operation that it says breaks is among those that break here."
