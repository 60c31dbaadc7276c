"""Compares operations: their parameters, bodies, answers and events (OpenAPI 3.1.1, 4.8.10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from codegen.grammar import KINDS, METHODS
from codegen.report import bounds, references
from codegen.report.change import REQUEST, RESPONSE, Change, Effect, Place
from codegen.report.members import same, text_of
from codegen.report.schemas import Schemas
from codegen.report.words import told, value

JSON = Any
Document = dict[str, JSON]
Key = tuple[str, str]

EVENT_STREAM = "text/event-stream"
_SENT, _READ = frozenset({REQUEST}), frozenset({RESPONSE})
_HARMLESS = frozenset({"tags", "title", "example", "examples"})


@dataclass(frozen=True, slots=True)
class Sides:
    """Both documents, and the comparison of their schemas. `section` is `paths` or `webhooks`."""

    old: Document
    new: Document
    schemas: Schemas
    section: str = "paths"

    @property
    def sent(self) -> frozenset[str]:
        """Where bodies of requests go, seen from a client: a webhook's is what it gets."""
        return _SENT if self.section == "paths" else _READ

    @property
    def read(self) -> frozenset[str]:
        """Where answers go."""
        return _READ if self.section == "paths" else _SENT


def by_key(document: Document, section: str) -> dict[Key, Document]:
    """The operations of a document by method and path, with the parameters of their paths."""
    found = {}
    for path, item in document.get(section, {}).items():
        for method in (method for method in METHODS if method in item):
            joined = all_parameters(item, method)
            found[method.upper(), path] = {**item[method], **({"parameters": joined} if joined else {})}
    return found


def all_parameters(item: Document, method: str) -> list[JSON]:
    """The parameters of a path and of its operation, which override them (OpenAPI 3.1.1, 4.8.10)."""
    return [*item.get("parameters", []), *item[method].get("parameters", [])]


def compare(sides: Sides) -> Iterator[Change]:
    """Every change of the operations of `sides.section`, those that moved told as such."""
    old, new = by_key(sides.old, sides.section), by_key(sides.new, sides.section)
    moved = dict(_moved(old, new))
    for key in sorted(old.keys() - new.keys() - moved.keys(), key=_order):
        yield _place(old[key], key, _SENT | _READ).change(
            "operation", "removed", Effect.GONE, _own_id(old[key])
        )
    for key in sorted(new.keys() - old.keys() - set(moved.values()), key=_order):
        yield _place(new[key], key, _SENT).change("operation", "added", Effect.NEW, _own_id(new[key]))
    for key in sorted((old.keys() & new.keys()) | moved.keys(), key=_order):
        now = moved.get(key, key)
        place = _place(new[now], now, _SENT | _READ)
        if key != now:
            yield place.change("operation", "moved", _of_moving(key, now), f"{_named(key)} → {_named(now)}")
        yield from _operation(old[key], new[now], place, sides)


def _order(key: Key) -> tuple[str, str]:
    return key[1], key[0]


def _named(key: Key) -> str:
    return f"{key[0]} {key[1]}" if key[1].startswith("/") else f"webhook {key[1]}"


def _id(operation: Document, key: Key) -> str:
    return _own_id(operation) or _named(key)


def _own_id(operation: Document) -> str:
    return str(operation.get("operationId", ""))


def _place(operation: Document, key: Key, directions: frozenset[str]) -> Place:
    return Place(_named(key), directions, (_id(operation, key),))


def _shape(key: Key) -> Key:
    return key[0], re.sub(r"\{[^}]*\}", "{}", key[1])


def _moved(old: dict[Key, Document], new: dict[Key, Document]) -> Iterator[tuple[Key, Key]]:
    """Of what is gone and what has come, the operations with one id, or with parameters of another name."""
    come = [key for key in new if key not in old]
    for key in (key for key in old if key not in new):
        name = old[key].get("operationId")
        for now in come:
            if _shape(now) == _shape(key) or (name is not None and new[now].get("operationId") == name):
                come.remove(now)
                yield key, now
                break


def _of_moving(old: Key, new: Key) -> Effect:
    return Effect.NONE if _shape(old) == _shape(new) else Effect.GONE


def leaves(old: Document, new: Document, place: Place, keywords: list[str]) -> Iterator[Change]:
    """Keywords that are compared as they stand."""
    for keyword in keywords:
        before, after = old.get(keyword, bounds.ABSENT), new.get(keyword, bounds.ABSENT)
        if before is after or (bounds.ABSENT not in (before, after) and same(before, after)):
            continue
        what = "added" if before is bounds.ABSENT else "removed" if after is bounds.ABSENT else "changed"
        said = " → ".join(value(one) for one in (before, after) if one is not bounds.ABSENT)
        yield place.change(keyword, what, Effect.NONE if keyword in _HARMLESS else Effect.OTHER, said)


def emptiness(old: Document, new: Document, place: Place, *keywords: str) -> Iterator[Change]:
    """Keywords that are empty on one side and absent on the other."""
    for keyword in keywords:
        if (keyword in old) != (keyword in new) and not old.get(keyword) and not new.get(keyword):
            yield place.change(keyword, "written otherwise", Effect.NONE, "empty")


def _operation(old: Document, new: Document, place: Place, sides: Sides) -> Iterator[Change]:
    if same(old, new):
        return
    if old.get("operationId") != new.get("operationId"):
        detail = f"{old.get('operationId')} → {new.get('operationId')}"
        yield place.change("operation id", "renamed", Effect.NONE, detail)
    yield from deprecation(old, new, place, "operation")
    yield from _parameters(old.get("parameters", []), new.get("parameters", []), place, sides)
    yield from _body(old.get("requestBody"), new.get("requestBody"), place, sides)
    yield from _responses(old.get("responses", {}), new.get("responses", {}), place, sides)
    yield from leaves(old, new, place, ["tags", "security", "servers", "callbacks"])
    yield from emptiness(old, new, place, "responses")


def deprecation(old: Document, new: Document, place: Place, subject: str) -> Iterator[Change]:
    """Of `deprecated` itself: what is deprecated still works."""
    if bool(old.get("deprecated")) != bool(new.get("deprecated")):
        what = "deprecated" if new.get("deprecated") else "no longer deprecated"
        yield place.change(subject, what, Effect.NONE)
    elif ("deprecated" in old) != ("deprecated" in new):
        yield place.change(subject, "written otherwise", Effect.NONE, "deprecated: false")


def _parameters(old: list[JSON], new: list[JSON], place: Place, sides: Sides) -> Iterator[Change]:
    changes = list(_named_parameters(old, new, place, sides))
    if not changes and sorted(map(text_of, old)) != sorted(map(text_of, new)):
        changes.append(place.change("parameters", "written otherwise", Effect.NONE, "one is overridden"))
    yield from changes


def _named_parameters(old: list[JSON], new: list[JSON], place: Place, sides: Sides) -> Iterator[Change]:
    before, after = _by_name(old, sides.old), _by_name(new, sides.new)
    for key in sorted(before.keys() | after.keys()):
        at = Place(place.where, sides.sent, place.operations).inside(f"{key[0]} parameter {key[1]}")
        if key not in before:
            yield added_parameter(references.followed(after[key], sides.new), at)
        elif key not in after:
            yield at.change("parameter", "removed", Effect.GONE)
        elif not references.is_left(before[key], after[key]):
            yield from references.changes(before[key], after[key], at)
            parts = references.followed(before[key], sides.old), references.followed(after[key], sides.new)
            yield from parameter(*parts, at, sides)


def _by_name(parameters: list[JSON], document: Document) -> dict[tuple[str, str], JSON]:
    found = {}
    for given in parameters:
        whole = references.followed(given, document)
        found[str(whole.get("in")), str(whole.get("name"))] = given
    return found


def added_parameter(given: Document, place: Place) -> Change:
    """A parameter, or a header field of an answer, that was not there before."""
    needed = bool(given.get("required"))
    said = f"{told(given.get('schema', {}))}{', required' if needed else ''}"
    return place.change("parameter", "added", Effect.NARROWER if needed else Effect.NEW, said)


def parameter(old: Document, new: Document, place: Place, sides: Sides) -> Iterator[Change]:
    """A parameter, or a header field, that is there in both states."""
    if bool(old.get("required")) != bool(new.get("required")):
        now, effect = ("required", Effect.NARROWER) if new.get("required") else ("optional", Effect.WIDER)
        yield place.change("parameter", f"became {now}", effect)
    elif ("required" in old) != ("required" in new):
        yield place.change("parameter", "written otherwise", Effect.NONE, "required: false")
    yield from deprecation(old, new, place, "parameter")
    yield from _schema(old, new, place, sides)
    yield from content(old.get("content", {}), new.get("content", {}), place, sides)
    looked_at = {"required", "deprecated", "schema", "content"}
    yield from leaves(old, new, place, [name for name in KINDS["parameter"] if name not in looked_at])
    yield from emptiness(old, new, place, "content")


def _schema(old: Document, new: Document, place: Place, sides: Sides) -> Iterator[Change]:
    if "schema" in old or "schema" in new:
        if "schema" not in old or "schema" not in new:
            effect = Effect.NARROWER if "schema" in new else Effect.NEW
            detail = told(old.get("schema", new.get("schema")))
            yield place.change("schema", "added" if "schema" in new else "removed", effect, detail)
        else:
            yield from sides.schemas.compare(old["schema"], new["schema"], place)


def _body(old: JSON, new: JSON, place: Place, sides: Sides) -> Iterator[Change]:
    at = Place(place.where, sides.sent, place.operations).inside("request body")
    if old is None and new is None:
        return
    if old is None or new is None:
        needed = new is not None and references.followed(new, sides.new).get("required")
        effect = Effect.GONE if new is None else Effect.NARROWER if needed else Effect.NEW
        detail = "required" if needed else ""
        yield at.change("request body", "removed" if new is None else "added", effect, detail)
    elif not references.is_left(old, new):
        yield from references.changes(old, new, at)
        yield from body(references.followed(old, sides.old), references.followed(new, sides.new), at, sides)


def body(old: Document, new: Document, place: Place, sides: Sides) -> Iterator[Change]:
    """A request body (OpenAPI 3.1.1, 4.8.13) that is there in both states."""
    if bool(old.get("required")) != bool(new.get("required")):
        now, effect = ("required", Effect.NARROWER) if new.get("required") else ("optional", Effect.WIDER)
        yield place.change("request body", f"became {now}", effect)
    elif ("required" in old) != ("required" in new):
        yield place.change("request body", "written otherwise", Effect.NONE, "required: false")
    yield from content(old.get("content", {}), new.get("content", {}), place, sides)
    yield from emptiness(old, new, place, "content")


def content(old: Document, new: Document, place: Place, sides: Sides) -> Iterator[Change]:
    """The media types of a body, and what each of them holds."""
    for name in sorted(old.keys() | new.keys()):
        at = place.inside(name)
        if name not in old or name not in new:
            effect = Effect.GONE if name in old else Effect.NEW
            yield at.change("media type", "removed" if name in old else "added", effect)
        elif not same(old[name], new[name]):
            streams = Place(at.where, at.directions, at.operations, at.part, events=name == EVENT_STREAM)
            yield from _schema(old[name], new[name], streams, sides)
            yield from leaves(old[name], new[name], at, ["encoding"])


def _responses(old: Document, new: Document, place: Place, sides: Sides) -> Iterator[Change]:
    for status in sorted(old.keys() | new.keys()):
        at = Place(place.where, sides.read, place.operations).inside(status)
        if status not in old or status not in new:
            gone = status in old and status < "3"
            effect = Effect.GONE if gone else Effect.NONE if status in old else Effect.NEW
            yield at.change("response", "removed" if status in old else "added", effect)
        elif not references.is_left(old[status], new[status]):
            yield from references.changes(old[status], new[status], at)
            parts = references.followed(old[status], sides.old), references.followed(new[status], sides.new)
            yield from response(*parts, at, sides)


def response(old: Document, new: Document, place: Place, sides: Sides) -> Iterator[Change]:
    """A response (OpenAPI 3.1.1, 4.8.17) that is there in both states."""
    yield from content(old.get("content", {}), new.get("content", {}), place, sides)
    before, after = old.get("headers", {}), new.get("headers", {})
    for name in sorted(before.keys() | after.keys()):
        at = place.inside(f"header {name}")
        if name not in before or name not in after:
            effect = Effect.GONE if name in before else Effect.NEW
            yield at.change("header", "removed" if name in before else "added", effect)
        elif not references.is_left(before[name], after[name]):
            yield from references.changes(before[name], after[name], at)
            parts = references.followed(before[name], sides.old), references.followed(after[name], sides.new)
            yield from parameter(*parts, at, sides)
    yield from leaves(old, new, place, ["links"])
    yield from emptiness(old, new, place, "content", "headers")
