"""JSON request bodies: their names, what their top level must be, and the closure of schemas they reach."""

import copy
import re
from dataclasses import dataclass, field

from codegen.contract import Contract, Document, Route, references
from codegen.errors import CodegenError

_REF = "#/components/schemas/"
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a schema says about a value's top level. `types` None and fields not named: anything."""

    types: frozenset[str] | None = None
    required: frozenset[str] = frozenset()
    fields: dict[str, frozenset[str]] = field(default_factory=dict)


def json_schema_of(route: Route) -> Document | None:
    """The schema of the operation's JSON request body, or None."""
    content = route.operation.get("requestBody", {}).get("content", {})
    schema: Document | None = content.get("application/json", {}).get("schema")
    return schema


def name_of(route: Route) -> str | None:
    """The name of the body's model: the component's, or one made from the operation's id."""
    schema = json_schema_of(route)
    if schema is None:
        return None
    if ref := schema.get("$ref"):
        return str(ref).removeprefix(_REF)
    # A door that takes the very body of its operation has its model too.
    same = route.alias_of is not None and not route.relay.get("door", {"strict": True})["strict"]
    words = re.split(r"[^A-Za-z0-9]+", str(route.alias_of) if same else route.operation_id)
    return "".join(word[:1].upper() + word[1:] for word in words) + "Body"


class Schemas:
    """The component schemas of a contract, and the bodies among them."""

    def __init__(self, contract: Contract) -> None:
        self._components: Document = contract.document["components"]["schemas"]
        self.bodies: dict[str, Document] = {}
        for route in contract.routes:
            name, schema = name_of(route), json_schema_of(route)
            if name is not None and schema is not None:
                self._add(name, schema, route)

    def _add(self, name: str, schema: Document, route: Route) -> None:
        if self.bodies.get(name) is schema:
            return
        if "$ref" not in schema and (name in self._components or name in self.bodies):
            raise CodegenError(f"spec: {route.operation_id}: the name {name!r} for its body is taken")
        self.bodies[name] = schema

    def resolve(self, ref: str) -> Document:
        """The schema that a local reference names; raises CodegenError."""
        try:
            schema: Document = self._components[ref.removeprefix(_REF)]
        except KeyError:
            raise CodegenError(f"spec: a request body refers to {ref!r}, which does not exist") from None
        return schema

    def shape(self, schema: Document, above: tuple[str, ...] = ()) -> Shape:
        """What `schema` says about a value's top level, through references, allOf, anyOf and oneOf."""
        ref = schema.get("$ref")
        if ref in above:
            return Shape()
        parts = [self._own_shape(schema, above)]
        if ref:
            parts.append(self.shape(self.resolve(ref), (*above, ref)))
        parts += [self.shape(part, above) for part in schema.get("allOf", [])]
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                parts.append(_either([self.shape(part, above) for part in schema[keyword]]))
        return _all(parts)

    def _own_shape(self, schema: Document, above: tuple[str, ...]) -> Shape:
        fields = {
            name: types
            for name, part in schema.get("properties", {}).items()
            if (types := self.shape(part, above).types) is not None
        }
        # The API fills in a default even where its document calls the field required.
        given = {name for name, part in schema.get("properties", {}).items() if "default" in part}
        return Shape(_own_types(schema), frozenset(schema.get("required", [])) - given, fields)

    def closure(self) -> Document:
        """Every schema that the bodies reach, by name, the bodies themselves among them; copies."""
        reached: Document = {}
        waiting = list(self.bodies.items())
        while waiting:
            name, schema = waiting.pop()
            if name in reached:
                continue
            if schema.get("$ref") == _REF + name:
                schema = self.resolve(schema["$ref"])
            reached[name] = copy.deepcopy(schema)
            waiting += [(ref.removeprefix(_REF), self.resolve(ref)) for ref in references(schema)]
        return dict(sorted(reached.items()))


def _own_types(schema: Document) -> frozenset[str] | None:
    said = schema.get("type")
    if said is None:
        if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
            return frozenset(_JSON_TYPES.get(type(value), "object") for value in values)
        return frozenset({"object"}) if "properties" in schema else None
    return frozenset({said} if isinstance(said, str) else said)


def _all(parts: list[Shape]) -> Shape:
    """What holds when every one of `parts` does."""
    types: frozenset[str] | None = None
    fields: dict[str, frozenset[str]] = {}
    for part in parts:
        types = _meet(types, part.types)
        for name, allowed in part.fields.items():
            fields[name] = fields[name] & allowed if name in fields else allowed
    return Shape(types, frozenset().union(*(part.required for part in parts)), fields)


def _meet(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _either(parts: list[Shape]) -> Shape:
    """What holds when at least one of `parts` does."""
    known = [part.types for part in parts if part.types is not None]
    types = frozenset().union(*known) if len(known) == len(parts) else None
    objects = [part for part in parts if part.types is None or "object" in part.types]
    if not objects:
        return Shape(types)
    required = frozenset.intersection(*(part.required for part in objects))
    names = set.intersection(*(set(part.fields) for part in objects))
    return Shape(
        types, required, {name: frozenset().union(*(p.fields[name] for p in objects)) for name in names}
    )
