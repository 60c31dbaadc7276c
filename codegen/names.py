"""The names that the contract knows: each operation's parameters and events, and its body's fields in depth.

The fields are a table of nodes, since schemas refer to one another and to themselves. A node says of a value
what is known of it, as `[{name: node} or null, node of an array's items]`; null: any name is known there, for
the contract has a map or names nothing. Node 0 is a value that is not looked into. What one member of a union
knows is known to all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from codegen import ends
from codegen.bodies import json_schema_of
from codegen.contract import Contract, Document, Route

_SCHEMA = "#/components/schemas/"
_PARAMETER = "#/components/parameters/"
_EITHER = ("anyOf", "oneOf")
_MAPS = ("additionalProperties", "patternProperties", "unevaluatedProperties")
_NO_NODE = 0
_NOTHING = [None, _NO_NODE]
_ANYTHING: Document = {}  # one object, for nodes are known by those that they are made of


class _Says(IntEnum):
    """What a schema says about an object's members; of several that hold at once, the greatest counts."""

    NOTHING = 0
    OBJECT = 1
    NAMES = 2
    ANY = 3


def names(contract: Contract) -> Document:
    """`parameters`, `events` and `bodies` by the ids of the upstream's own operations, and the `nodes`.

    A name with brackets is there without them. An operation without any has no entry.
    """
    schemas = contract.document["components"]["schemas"]
    shared = contract.document["components"].get("parameters", {})
    upstream = [route for route in contract.routes if route.upstream_path and route.alias_of is None]
    upstream.sort(key=lambda route: route.operation_id)
    fields = _Fields(schemas)
    roots = {route.operation_id: fields.node([json_schema_of(route) or _ANYTHING]) for route in upstream}
    classes, nodes = _merged(fields.nodes)
    found: Document = {"parameters": {}, "events": {}, "bodies": {}}
    for route in upstream:
        events = {name for schema in ends.streamed(route) for name in ends.names(schema, schemas)}
        found["parameters"][route.operation_id] = sorted(_asked(route, shared))
        found["events"][route.operation_id] = sorted(events)
        found["bodies"][route.operation_id] = classes[roots[route.operation_id]]
    entries = {kind: {name: row for name, row in rows.items() if row} for kind, rows in found.items()}
    return {**entries, "nodes": nodes}


def _asked(route: Route, shared: Document) -> set[str]:
    """The names that a query may hold, and those by which it selects a variant."""
    pairs = [*route.relay.get("variants", {}), *([route.query] if route.query else [])]
    given = route.operation["parameters"]
    given = [shared[one["$ref"].removeprefix(_PARAMETER)] if "$ref" in one else one for one in given]
    named = {str(one["name"]).partition("[")[0] for one in given if one["in"] == "query"}
    return named | {pair.partition("=")[0] for pair in pairs}


@dataclass
class _Fields:
    """Makes nodes out of schemas, which are the contract's by name."""

    schemas: Document
    nodes: list[Any] = field(default_factory=lambda: [_NOTHING])
    _made: dict[frozenset[int], int] = field(default_factory=dict)

    def node(self, given: list[Document]) -> int:
        """The node of a value that one of the schemas `given` describes, whichever it is."""
        roots = {id(root): root for root in (self._root(schema) for schema in given)}
        key = frozenset(roots)
        if key in self._made:
            return self._made[key]
        number = self._made[key] = len(self.nodes)
        self.nodes.append(_NOTHING)
        parts = [part for root in roots.values() for part in self._parts(root, set())]
        known: dict[str, list[Document]] = {}
        for name, schema in (pair for part in parts for pair in part.get("properties", {}).items()):
            known.setdefault(name, []).append(schema if isinstance(schema, dict) else _ANYTHING)
        says = _either(self._says(root, set()) for root in roots.values())
        fields = {name: self.node(schemas) for name, schemas in sorted(known.items())}
        arrays = [part["items"] for part in parts if "items" in part]
        self.nodes[number] = [
            fields if says is _Says.NAMES else None,
            self.node(arrays) if arrays and all(isinstance(items, dict) for items in arrays) else _NO_NODE,
        ]
        return number

    def _root(self, schema: Document) -> Document:
        while set(schema) == {"$ref"}:
            schema = self.schemas[schema["$ref"].removeprefix(_SCHEMA)]
        return schema

    def _parts(self, schema: Document, above: set[str]) -> Iterator[Document]:
        """`schema` and all that it is composed of."""
        yield schema
        if (ref := schema.get("$ref")) is not None and ref not in above:
            above.add(ref)
            yield from self._parts(self.schemas[ref.removeprefix(_SCHEMA)], above)
        for keyword in ("allOf", *_EITHER):
            for part in schema.get(keyword, []):
                yield from self._parts(part, above)

    def _says(self, schema: Document, above: set[str]) -> _Says:
        if any(schema.get(keyword, False) is not False for keyword in _MAPS):
            return _Says.ANY
        said = [_own(schema)]
        if (ref := schema.get("$ref")) is not None and ref not in above:
            said.append(self._says(self.schemas[ref.removeprefix(_SCHEMA)], above | {ref}))
        said += [self._says(part, above) for part in schema.get("allOf", [])]
        for keyword in _EITHER:
            # A member that leaves everything open lets any name be known.
            told = (self._says(part, above) if part else _Says.ANY for part in schema.get(keyword, []))
            said.append(_either(told))
        return max(said)


def _own(schema: Document) -> _Says:
    if schema.get("properties"):
        return _Says.NAMES
    kinds = schema.get("type", [])
    return _Says.OBJECT if "object" in ([kinds] if isinstance(kinds, str) else kinds) else _Says.NOTHING


def _either(said: Iterator[_Says]) -> _Says:
    """What holds when one of several does, whichever it is: an object without names may have any."""
    found = set(said) - {_Says.NOTHING}
    return _Says.ANY if found - {_Says.NAMES} else max(found, default=_Says.NOTHING)


def _merged(nodes: list[Any]) -> tuple[list[int], list[Any]]:
    """The class of each node, and a node for each class: nodes are of one class that no name tells apart."""
    classes = [_NO_NODE] * len(nodes)
    while True:
        looks = [_through(classes, node) for node in nodes]
        numbers: dict[str, int] = {}
        refined = [numbers.setdefault(repr(look), len(numbers)) for look in looks]
        if refined == classes:
            return classes, list(dict(zip(classes, looks, strict=True)).values())
        classes = refined


def _through(classes: list[int], node: list[Any]) -> list[Any]:
    fields, items = node
    return [fields and {name: classes[inner] for name, inner in fields.items()}, classes[items]]
