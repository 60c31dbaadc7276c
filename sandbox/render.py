"""Answers made from facts: an instance of a schema of the contract that says what is known."""

from functools import cache
from typing import Any

import jsonschema_rs

from sandbox.bodies import JsonObject
from sandbox.contract import ROOT, document
from sandbox.instance import Builder, minimal

_NOTHING = object()
_ACTIVE: frozenset[str] = frozenset()


def render(schema: JsonObject, facts: Any) -> Any:
    """Return an instance of a schema of the contract: what it requires, and every fact that it has room for.

    Facts are known by the names of fields. One that a field's schema refuses is left out, or rendered in
    turn where it is an object or an array; what is required and not known takes its plainest value. Of a
    choice that option is taken which has room for the most facts and contradicts none.
    """
    flat = flattened(schema)
    for key in ("oneOf", "anyOf"):
        if options := flat.get(key):
            return render(_narrowed(_Same(flat), key, _choice(options, facts)), facts)
    if isinstance(facts, dict) and (flat.get("properties") or flat.get("required")):
        return _object(flat, facts)
    if isinstance(facts, list) and "items" in flat:
        return [render(flat["items"], fact) for fact in facts]
    if valid(schema, facts):
        return facts
    return _plainest(schema)


def valid(schema: JsonObject, value: Any) -> bool:
    """Whether a value is an instance of a schema of the contract."""
    return not schema or bool(_validator(_Same(schema)).is_valid(value))


def misfit(schema: JsonObject, value: Any) -> str | None:
    """Where a value is no instance of a schema of the contract, like ``session.tools[0]``; None if it is one.

    The empty string is the value itself. Of a choice that option is heeded whose ``type`` and ``role`` are
    the value's.
    """
    found = next(_validator(_Same(schema)).iter_errors(value), None)
    if found is None:
        return None
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in _innermost(found))
    return "".join(steps).removeprefix(".")


def _innermost(error: jsonschema_rs.ValidationError) -> list[str | int]:
    where = error.instance_path
    told_by = [[*where, name] for name in ("type", "role")]
    for option in getattr(error.kind, "context", ()):
        if option and not any(inner.instance_path in told_by for inner in option):
            return _innermost(option[0])
    return where


def flattened(schema: JsonObject) -> JsonObject:
    """A schema with its reference followed and its ``allOf`` merged in."""
    return _flat(_Same(schema)) if schema else {}


def properties(schema: JsonObject) -> JsonObject:
    """The schemas of an object's fields, those of every option of a choice included."""
    flat = flattened(schema)
    found: JsonObject = {}
    for option in [*flat.get("oneOf", []), *flat.get("anyOf", [])]:
        found |= properties(option)
    found |= flat.get("properties", {})
    return found


def kinds(schema: JsonObject) -> frozenset[str]:
    """The JSON types that a schema takes, those of every option of a choice; none where one takes any."""
    flat = flattened(schema)
    if "type" in flat:
        given = flat["type"]
        return frozenset([given] if isinstance(given, str) else given)
    options = [kinds(option) for option in [*flat.get("oneOf", []), *flat.get("anyOf", [])]]
    return frozenset().union(*options) if all(options) else frozenset()


def _object(flat: JsonObject, facts: JsonObject) -> JsonObject:
    known = flat.get("properties", {})
    required = dict.fromkeys(flat.get("required", []))
    made = {}
    for name in [*required, *(name for name in facts if name in known and name not in required)]:
        value = _member(known.get(name, {}), facts.get(name, _NOTHING))
        if value is not _NOTHING:
            made[name] = value
        elif name in required:
            made[name] = _plainest(known.get(name, {}))
    return made


def _plainest(schema: JsonObject) -> Any:
    """What is said where nothing is known: null where that is allowed, else the least instance."""
    return None if valid(schema, None) else minimal(schema, "answer", document())


def _member(schema: JsonObject, fact: Any) -> Any:
    if fact is _NOTHING or valid(schema, fact):
        return fact
    if not isinstance(fact, (dict, list)):
        return _NOTHING
    made = render(schema, fact)
    return made if valid(schema, made) else _NOTHING


def _choice(options: list[JsonObject], facts: Any) -> int:
    """Which option has room for the most facts, the first of equals."""
    return max(range(len(options)), key=lambda index: _room(options[index], facts))


def _room(schema: JsonObject, facts: Any) -> int:
    """How many facts a schema has room for, negative where it contradicts one."""
    flat = flattened(schema)
    for key in ("oneOf", "anyOf"):
        if options := flat.get(key):
            return max(_room(option, facts) for option in options)
    if not isinstance(facts, dict):
        return 1 if valid(schema, facts) else -1
    known = flat.get("properties", {})
    if not known and flat.get("type") != "object":
        return -1
    room = 0
    for name in known.keys() & facts.keys():
        if valid(known[name], facts[name]):
            room += 1
        elif "const" in known[name] or "enum" in flattened(known[name]):
            return -1
    return room


class _Same:
    """A schema as a key of a cache, by its identity.

    Every schema that comes here is a part of the document or is itself kept by one of the caches below: one
    made anew for each answer would stay in them for ever.
    """

    def __init__(self, schema: JsonObject) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.schema is self.schema


@cache
def _flat(key: _Same) -> JsonObject:
    flat: JsonObject = Builder(document(), "answer").flat(key.schema, _ACTIVE, 0)[0]
    return flat


@cache
def _narrowed(key: _Same, choice: str, index: int) -> JsonObject:
    """A flat schema with one option of its choice in the place of all."""
    beside = {name: part for name, part in key.schema.items() if name != choice}
    return {"allOf": [beside, key.schema[choice][index]]}


@cache
def _registry() -> Any:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return jsonschema_rs.Registry([(ROOT, {**document(), **dialect})])


@cache
def _validator(key: _Same) -> Any:
    return jsonschema_rs.Draft202012Validator(key.schema, registry=_registry())
