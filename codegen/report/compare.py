"""Everything that differs between two documents of facts, as changes: nothing that differs is left untold.

Documents of facts are what `codegen.facts` keeps. The order of members of a set (paths, parameters, values,
members of unions) is no difference.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from typing import Any

from codegen.grammar import KINDS
from codegen.report import items, operations, references
from codegen.report.change import BOTH, Change, Effect, Place
from codegen.report.members import same
from codegen.report.operations import Sides
from codegen.report.schemas import Schemas
from codegen.report.uses import Uses
from codegen.report.words import told

JSON = Any
Document = dict[str, JSON]

_HARMLESS = frozenset({"openapi", "info", "jsonSchemaDialect"})
_PREFIX = "#/components/schemas/"
_REFERENCE = re.compile(rf'"{_PREFIX}([^"]+)"')
_COMPARED = frozenset({"tags", "paths", "webhooks", "components"})
_SINGULAR = {
    "schemas": "schema",
    "responses": "response",
    "parameters": "parameter",
    "requestBodies": "request body",
    "headers": "header",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes, breaking ones included, and the schemas that only have another name now, old to new."""

    changes: list[Change]
    renamed: dict[str, str]


def compare(old: Document, new: Document) -> Comparison:
    """Compare two documents of facts."""
    schemas = Schemas(_schemas(old), _schemas(new), _direct(new))
    _rename_the_same(schemas)
    sides, uses = Sides(old, new, schemas), Uses(old, new)
    changes = list(_document(sides))
    for section in ("paths", "webhooks"):
        of_section = Sides(old, new, schemas, section)
        changes += [*operations.compare(of_section), *items.compare(of_section)]
    changes += _components(sides, uses)
    # Last: what was renamed and changed is met while everything else is compared.
    changes += _schema_components(schemas, uses)
    return Comparison(list(dict.fromkeys(changes)), schemas.renamed)


def _schemas(document: Document) -> dict[str, Document]:
    found: dict[str, Document] = document.get("components", {}).get("schemas", {})
    return found


def _direct(document: Document) -> frozenset[str]:
    """The schemas that something else than a schema refers to."""
    components = document.get("components", {})
    apart = {**document, "components": {kind: components[kind] for kind in components if kind != "schemas"}}
    return frozenset(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(apart)))


def _rename_the_same(schemas: Schemas) -> None:
    """Pair what is gone with what has come and says the same, the likest name first, until none is found."""
    gone = {name: _text(schemas.old[name]) for name in schemas.old if name not in schemas.new}
    come: dict[str, list[str]] = defaultdict(list)
    for name in sorted(schemas.new.keys() - schemas.old.keys()):
        come[_text(schemas.new[name])].append(name)
    found = True
    while found:
        found = False
        for name, text in list(gone.items()):
            twins = come.get(_renamed_text(text, schemas.renamed), [])
            if twins:
                schemas.renamed[name] = max(twins, key=partial(_likeness, name))
                twins.remove(schemas.renamed[name])
                del gone[name]
                found = True


def _likeness(name: str, other: str) -> float:
    return SequenceMatcher(None, name, other, autojunk=False).ratio()


def _text(schema: JSON) -> str:
    return json.dumps(schema, sort_keys=True)


def _renamed_text(text: str, renamed: dict[str, str]) -> str:
    return _REFERENCE.sub(lambda found: f'"{_PREFIX}{renamed.get(found[1], found[1])}"', text)


def _document(sides: Sides) -> Iterator[Change]:
    place = Place("the document", BOTH)
    for keyword in (name for name in KINDS["document"] if name not in _COMPARED):
        before, after = sides.old.get(keyword), sides.new.get(keyword)
        if not same(before, after):
            effect = Effect.NONE if keyword in _HARMLESS else Effect.OTHER
            yield place.change(keyword, "changed", effect, f"{_brief(before)} → {_brief(after)}")
    tags = [[tag.get("name") for tag in side.get("tags", [])] for side in (sides.old, sides.new)]
    for what, names in (("removed", _less(*tags)), ("added", _less(*reversed(tags)))):
        for name in names:
            yield place.change("tag", what, Effect.NONE, str(name))
    if set(tags[0]) == set(tags[1]) and len(tags[0]) != len(tags[1]):
        yield place.change("tags", "written otherwise", Effect.NONE)
    for section in ("tags", "paths", "webhooks", "components"):
        if (section in sides.old) != (section in sides.new) and not (
            sides.old.get(section) or sides.new.get(section)
        ):
            yield place.change(section, "written otherwise", Effect.NONE, "empty")


def _less(these: list[JSON], those: list[JSON]) -> list[JSON]:
    return [one for one in these if one not in those]


def _brief(value: JSON) -> str:
    return "absent" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)[:200]


def _schema_components(schemas: Schemas, uses: Uses) -> Iterator[Change]:
    done: set[str] = set()
    # Comparing one may find that another was renamed.
    while waiting := [name for name in schemas.old if name not in done]:
        for name in waiting:
            done.add(name)
            now = name if name in schemas.new else schemas.renamed.get(name)
            if now is None:
                done.discard(name)
                continue
            key = f"schemas/{now}"
            place = Place(
                f"schema {now}", uses.directions(key), uses.operations(key), events=uses.are_events(now)
            )
            if now != name:
                yield place.change("schema", "renamed", Effect.NONE, f"{name} → {now}")
            yield from schemas.compare(schemas.old[name], schemas.new[now], place)
        if all(
            name not in schemas.new and name not in schemas.renamed for name in waiting if name not in done
        ):
            break
    yield from _come_and_gone(schemas, uses)


def _come_and_gone(schemas: Schemas, uses: Uses) -> Iterator[Change]:
    """Names are no client's business: what used a schema that is gone tells what became of it."""
    for name in sorted(schemas.old.keys() - schemas.new.keys() - schemas.renamed.keys()):
        users = uses.operations(f"schemas/{name}")
        effect = Effect.NONE if users else Effect.GONE
        place = Place(f"schema {name}", BOTH, users)
        yield place.change("schema", "removed", effect, told(schemas.old[name]))
    for name in sorted(schemas.new.keys() - schemas.old.keys() - set(schemas.renamed.values())):
        place = Place(f"schema {name}", BOTH, uses.operations(f"schemas/{name}"))
        yield place.change("schema", "added", Effect.NEW, told(schemas.new[name]))


def _components(sides: Sides, uses: Uses) -> Iterator[Change]:
    """Components that are no schemas: those that operations refer to, and the rest as it stands."""
    compared: dict[str, Callable[[Document, Document, Place], Iterator[Change]]] = {
        "responses": partial(operations.response, sides=sides),
        "parameters": partial(operations.parameter, sides=sides),
        "requestBodies": partial(operations.body, sides=sides),
        "headers": partial(operations.parameter, sides=sides),
    }
    old, new = sides.old.get("components", {}), sides.new.get("components", {})
    for kind in (kind for kind in KINDS["components"] if kind != "schemas"):
        before, after = old.get(kind, {}), new.get(kind, {})
        for name in sorted(before.keys() | after.keys()):
            key, subject = f"{kind}/{name}", _SINGULAR.get(kind, kind)
            place = Place(f"{subject} {name}", uses.directions(key), uses.operations(key))
            if name not in before or name not in after:
                yield place.change(subject, "removed" if name in before else "added", Effect.NONE)
            elif kind in compared:
                if references.is_left(before[name], after[name]):
                    continue
                yield from references.changes(before[name], after[name], place)
                parts = (
                    references.followed(before[name], sides.old),
                    references.followed(after[name], sides.new),
                )
                yield from compared[kind](*parts, place)
            elif not same(before[name], after[name]):
                detail = f"{_brief(before[name])} → {_brief(after[name])}"
                yield place.change(subject, "changed", Effect.OTHER, detail)
        if (kind in old) != (kind in new) and not before and not after:
            yield Place("the document", BOTH).change(kind, "written otherwise", Effect.NONE, "empty")
