"""Small documents of facts, and every way to change one of them at one place."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

from codegen.errors import CodegenError
from codegen.facts import facts

JSON = Any
Document = dict[str, JSON]

NAMES = ("alpha", "beta", "gamma")
COMPONENTS = ("First", "Second", "Third")
KEYWORDS: dict[str, st.SearchStrategy[JSON]] = {
    "maximum": st.integers(0, 3),
    "minLength": st.integers(0, 3),
    "maxItems": st.integers(0, 3),
    "pattern": st.sampled_from(["a", "b"]),
    "format": st.sampled_from(["date", "uri"]),
    "default": st.sampled_from([None, 0, 1, True, "a"]),
    "title": st.sampled_from(["A", "B"]),
    "deprecated": st.booleans(),
    "readOnly": st.booleans(),
    "uniqueItems": st.booleans(),
    "x-oai-beta": st.booleans(),
    "minContains": st.integers(0, 3),
}
_TYPES = ["string", "integer", "number", "boolean", "null", "array", "object"]
_REFERENCES = st.sampled_from(COMPONENTS).map(lambda name: {"$ref": f"#/components/schemas/{name}"})
_SCALARS = st.one_of(
    st.sampled_from(_TYPES).map(lambda name: {"type": name}),
    st.sets(st.sampled_from(_TYPES), min_size=2, max_size=3).map(lambda names: {"type": sorted(names)}),
    st.lists(st.sampled_from(["a", "b", "c", 1, True, None]), min_size=1, max_size=3).map(
        lambda vs: {"enum": vs}
    ),
    st.sampled_from(["a", 1, True]).map(lambda one: {"const": one}),
    st.just({"type": "string", "nullable": True}),
    st.booleans(),
    st.just({}),
    _REFERENCES,
)


def _wider(inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    some = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    held = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then")
    return st.one_of(
        st.builds(_an_object, named, st.sets(st.sampled_from(NAMES))),
        st.sampled_from(held).flatmap(lambda key: inner.map(lambda one: {key: one})),
        st.sampled_from(["anyOf", "oneOf", "allOf", "prefixItems"]).flatmap(
            lambda key: some.map(lambda members: {key: members})
        ),
        st.sampled_from(["patternProperties", "$defs"]).flatmap(lambda key: named.map(lambda of: {key: of})),
    )


def _an_object(properties: Document, required: set[str]) -> Document:
    return {"type": "object", "properties": properties, "required": sorted(required)}


def _with_keywords(schema: JSON, besides: Document) -> JSON:
    return {**schema, **besides} if isinstance(schema, dict) else schema


SCHEMAS = st.builds(
    _with_keywords,
    st.recursive(_SCALARS, _wider, max_leaves=4),
    st.fixed_dictionaries({}, optional=KEYWORDS),
)
_CONTENT = st.dictionaries(
    st.sampled_from(["application/json", "text/event-stream", "multipart/form-data"]),
    SCHEMAS.map(lambda schema: {"schema": schema}),
    min_size=1,
    max_size=2,
)
_PARAMETERS = st.lists(
    st.builds(
        lambda name, place, schema, needed: {"name": name, "in": place, "required": needed, "schema": schema},
        st.sampled_from(NAMES),
        st.sampled_from(["query", "header"]),
        SCHEMAS,
        st.booleans(),
    ),
    max_size=2,
    unique_by=lambda one: (one["name"], one["in"]),
)


def _operation(name: str) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(
        {
            "operationId": st.just(name),
            "responses": st.dictionaries(
                st.sampled_from(["200", "201", "404", "default"]),
                _CONTENT.map(lambda content: {"content": content}),
                min_size=1,
                max_size=2,
            ),
        },
        optional={
            "parameters": _PARAMETERS,
            "requestBody": _CONTENT.map(lambda content: {"required": True, "content": content}),
            "deprecated": st.booleans(),
            "tags": st.just(["Tag"]),
        },
    )


_PATHS = st.fixed_dictionaries(
    {"/things": st.fixed_dictionaries({"get": _operation("listThings"), "post": _operation("makeThing")})},
    optional={"/things/{thing_id}": st.fixed_dictionaries({"get": _operation("getThing")})},
)


def _document(paths: Document, schemas: Document) -> Document:
    info = {"title": "Small", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


DOCUMENTS = st.builds(_document, _PATHS, st.fixed_dictionaries(dict.fromkeys(COMPONENTS, SCHEMAS)))


def places(value: JSON, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside `value`."""
    found = [above] if above else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        found += places(one, (*above, key))
    return found


def changed(document: Document, path: tuple[Any, ...], new: JSON, *, remove: bool) -> Document:
    """`document` with the value at `path` removed or replaced."""
    result = copy.deepcopy(document)
    holder = result
    for key in path[:-1]:
        holder = holder[key]
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return result


def kept(document: Document) -> Document | None:
    """The facts of a document; None where it is none."""
    try:
        return facts(document, "small.json")
    except CodegenError:
        return None


_SETS = {"enum", "required", "anyOf", "oneOf", "allOf", "type", "tags"}


def canonical(value: JSON, key: str = "") -> str:
    """The one text of everything that means the same by the order of its sets: what differs here, differs.

    Written without a look at the comparison: JSON with sorted members, sets of distinct values sorted.
    """
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{json.dumps(one)}:{canonical(value[one], one)}" for one in sorted(value)) + "}"
        )
    if isinstance(value, list):
        parts = [canonical(one) for one in value]
        return "[" + ",".join(sorted(parts) if key in _SETS or key == "parameters" else parts) + "]"
    return json.dumps(value)
