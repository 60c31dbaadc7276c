"""Says in JSON Schema 2020-12 what OpenAPI 3.0 said with `nullable: true`.

OpenAPI 3.1 has no such keyword: its schemas are those of JSON Schema (3.1.0, 4.8.24), where null is a type
(Core, 4.2.1), and OpenAI's document, of 3.1, still uses it. No overlay action can mend that: null is allowed
in another way beside a type, an enum, a reference and a choice, and the document's next state has others.
"""

from typing import Any

from codegen.grammar import KINDS, Each, Map, Object, OrReference, Rule

Schema = dict[str, Any]
_WORD = "nullable"
_NULL: Schema = {"type": "null"}
# What is said of the place that a schema stands in, rather than of values, stays beside a choice.
_ABOUT_THE_PLACE = frozenset(
    {"title", "default", "deprecated", "readOnly", "writeOnly"}
    | {word for word in KINDS["schema"] if word.startswith("x-")}
)
_OTHER_SCHEMAS = frozenset({"$ref", "allOf", "anyOf", "oneOf", "not", "if", "$dynamicRef", "$recursiveRef"})


def spelled_out(document: Schema) -> Schema:
    """A vendored document in which every schema says by its types whether it takes null; a copy."""
    made: Schema = _spelled(document, Object("document"))
    return made


def _spelled(value: Any, rule: Rule) -> Any:
    match rule:
        case Object("schema") if isinstance(value, dict):
            return _with_null(_members(_gathered(value), "schema"))
        case Object(kind) if isinstance(value, dict):
            return _members(value, kind)
        case OrReference(inner):
            return _spelled(value, inner)
        case Each(inner) if isinstance(value, list):
            return [_spelled(part, inner) for part in value]
        case Map(inner) if isinstance(value, dict):
            return {key: _spelled(part, inner) for key, part in value.items()}
    return value


def _members(value: Schema, kind: str) -> Schema:
    rules = KINDS[kind]
    return {key: _spelled(part, rules[key]) if key in rules else part for key, part in value.items()}


def _gathered(schema: Schema) -> Schema:
    """`schema`, with the word at the top where a part of its `allOf` holds nothing else."""
    parts = schema.get("allOf")
    if not isinstance(parts, list) or {_WORD: True} not in parts:
        return schema
    rest = [part for part in parts if part != {_WORD: True}]
    kept = {key: part for key, part in schema.items() if key != "allOf"}
    if len(rest) == 1 and not kept.keys() & rest[0].keys():
        return {**kept, **rest[0], _WORD: True}
    return {**kept, "allOf": rest, _WORD: True}


def _with_null(schema: Schema) -> Schema:
    wanted = schema.get(_WORD) is True
    schema = {key: part for key, part in schema.items() if key != _WORD}
    if not wanted or not schema.keys() - _ABOUT_THE_PLACE:  # a schema that says nothing takes null already
        return schema
    if _is_simple(schema):
        return _typed(schema)
    place = {key: part for key, part in schema.items() if key in _ABOUT_THE_PLACE}
    values = {key: part for key, part in schema.items() if key not in _ABOUT_THE_PLACE}
    choice = values["anyOf"] if values.keys() == {"anyOf"} else [values]
    return {**place, "anyOf": choice if _NULL in choice else [*choice, _NULL]}


def _is_simple(schema: Schema) -> bool:
    if schema.get("type") == "object":  # generators of code forget what it holds where it is one type of two
        return False
    return bool(schema.keys() & {"type", "enum", "const"}) and not schema.keys() & _OTHER_SCHEMAS


def _typed(schema: Schema) -> Schema:
    made: Schema = {}
    for key, part in schema.items():
        if key == "type":
            types = part if isinstance(part, list) else [part]
            made[key] = types if "null" in types else [*types, "null"]
        elif key == "const":
            made["enum"] = [part, None]
        elif key == "enum":
            made[key] = part if None in part else [*part, None]
        else:
            made[key] = part
    return made
