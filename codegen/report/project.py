"""What the changes mean for this project: what has to change with them, and what is new."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen import contract, faults, tables
from codegen.actions import groups
from codegen.bodies import Schemas
from codegen.contract import Contract
from codegen.errors import CodegenError
from codegen.report.change import Change
from codegen.report.compare import compare
from codegen.report.oasdiff import cross_check
from codegen.report.operations import by_key
from codegen.stale import known_to_sandbox, stale

JSON = Any
Document = dict[str, JSON]

# Changes whose detail says under which name a line of this project may know it.
_FROM_TO = frozenset({"renamed", "moved"})
_WORD = re.compile(r"[A-Za-z0-9_./{}?=:-]+")


@dataclass(frozen=True, slots=True)
class Told:
    """A change, and what it breaks: `clients`, `relay`, both or nothing."""

    change: Change
    breaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a new state of the document changes. `errors` are lines of this project's files to change."""

    old_name: str
    new_name: str
    told: list[Told]
    errors: list[str]
    new_operations: list[Document]
    media_types: list[str]
    oasdiff: Document | None

    def as_json(self) -> Document:
        """The report as an object of JSON."""
        return {
            "from": self.old_name,
            "to": self.new_name,
            "errors": self.errors,
            "new_operations": self.new_operations,
            "new_media_types": self.media_types,
            "changes": [one.change.as_json() | {"breaks": list(one.breaks)} for one in self.told],
            "oasdiff": self.oasdiff,
        }


def report(old: Document, new: Document, names: tuple[str, str], root: Path) -> Report:
    """Compare two documents of facts, of which the new one is vendored in the project at `root`."""
    changes = compare(old, new).changes
    merged, errors = _judged(root)
    return Report(
        *names,
        told=[Told(change, _breaks(change, errors)) for change in changes],
        errors=errors,
        new_operations=_new_operations(old, new, merged, root),
        media_types=sorted(_media_types(new) - _media_types(old)),
        oasdiff=cross_check(old, new, changes),
    )


def _judged(root: Path) -> tuple[Contract | None, list[str]]:
    """The contract as far as the overlays fit the document, and every line that has to change."""
    merged, unfit = contract.attempt(root / "spec")
    found = [line for fault in unfit for line in fault.lines]
    if merged is None:
        return None, found
    found += stale(merged, root)
    if unfit:
        return merged, found
    try:
        faults.check(merged.document, root / "spec" / "known-faults.json")
        tables.operations(merged, root / "handlers")
        tables.doors(merged, Schemas(merged))
        groups.read(merged)
    except CodegenError as error:
        found += error.lines
    return merged, found


def _breaks(change: Change, errors: Iterable[str]) -> tuple[str, ...]:
    subjects = {change.where.rpartition(" ")[2], *change.operations}
    if change.where.startswith(("schema ", "response ")):
        subjects = {change.where.rpartition(" ")[2]}
    if change.what in _FROM_TO:
        subjects |= _words(change.detail)
    of_relay = any(not subjects.isdisjoint(_words(line)) for line in errors)
    return (*(["clients"] if change.breaking else []), *(["relay"] if of_relay else []))


def _words(line: str) -> set[str]:
    """The paths, names and ids of a line; each step of a JSONPath (`$.components.schemas.Model`) is one."""
    found = set(_WORD.findall(line))
    # A path is named by where the relay serves it, a component by its reference.
    found |= {word.removeprefix("/v1") for word in found} | {
        word.rpartition("/schemas/")[2] for word in found
    }
    return found | {step for word in found for step in word.split(".")} - {""}


def _new_operations(old: Document, new: Document, merged: Contract | None, root: Path) -> list[Document]:
    """Each operation that is new, and where nobody has provided for it yet."""
    before, after = by_key(old, "paths"), by_key(new, "paths")
    ids = {operation.get("operationId") for operation in before.values()}
    sandbox = known_to_sandbox(root)
    rows = []
    for key in (key for key in after if key not in before):
        name = str(after[key].get("operationId", ""))
        if name not in ids:
            row = {
                "operation": " ".join(key),
                "id": name,
                "not_yet_in": _lacking(key[1], name, merged, sandbox),
            }
            rows.append(row)
    return rows


def _lacking(path: str, name: str, merged: Contract | None, sandbox: set[str]) -> list[str]:
    collection = re.sub(r"/\{[^/]+\}\Z", "", path)
    lacking = [] if sandbox & {name, path, collection} else ["sandbox state"]
    if merged is None:
        return [*lacking, "proxy and Actions: not known before the overlay fits"]
    route = next((one for one in merged.routes if one.operation_id == name), None)
    actions = groups.read(merged)
    if route is None or not route.relay.get("proxy"):
        lacking.append("proxy")
    if route is None or not (actions.groups_of(name) or actions.reason(route)):
        lacking.append("Actions")
    return lacking


def _media_types(document: Document) -> set[str]:
    """Every media type of a request or an answer, in lower case."""
    found: set[str] = set()
    waiting: list[JSON] = [document.get("paths", {}), document.get("components", {})]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            content = value.get("content")
            if isinstance(content, dict) and all("/" in name for name in content):
                found |= {name.lower() for name in content}
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found
