"""Small documents of facts, with everything in them that OpenAPI has and that a change may hide in."""

from typing import Any

from hypothesis import strategies as st

JSON = Any
Document = dict[str, JSON]

NAMES = ("alpha", "beta", "gamma")
COMPONENTS = ("First", "Second", "Third")
SHARED = ("One", "Two")
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
        st.builds(_tagged, named),
        st.builds(lambda part, of: {"allOf": [part, _an_object(of, set())]}, _REFERENCES, named),
        st.sampled_from(["patternProperties", "$defs"]).flatmap(lambda key: named.map(lambda of: {key: of})),
    )


def _tagged(members: Document) -> Document:
    """A union whose members name themselves."""
    one_of = [
        {"type": "object", "properties": {"type": {"const": name}, "inner": inner}}
        for name, inner in members.items()
    ]
    mapping = dict.fromkeys(members, "First")
    return {"oneOf": one_of, "discriminator": {"propertyName": "type", "mapping": mapping}}


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
    st.fixed_dictionaries(
        {"schema": SCHEMAS}, optional={"encoding": st.just({"alpha": {"contentType": "image/png"}})}
    ),
    min_size=1,
    max_size=2,
)


def _or_reference(kind: str, inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    """What is written in place, or stands among the components, which have one of each name."""
    names = st.sampled_from(SHARED)
    return st.one_of(inner, names.map(lambda name: {"$ref": f"#/components/{kind}/{name}"}))


_PARAMETER = st.builds(
    lambda name, place, schema, needed: {"name": name, "in": place, "required": needed, "schema": schema},
    st.sampled_from(NAMES),
    st.sampled_from(["query", "header"]),
    SCHEMAS,
    st.booleans(),
)
_PARAMETERS = st.lists(_or_reference("parameters", _PARAMETER), max_size=2)
_HEADER = st.builds(lambda schema: {"schema": schema}, SCHEMAS)
_BODY = st.builds(lambda content, needed: {"required": needed, "content": content}, _CONTENT, st.booleans())
_RESPONSE = st.fixed_dictionaries(
    {},
    optional={
        "content": _CONTENT,
        "headers": st.fixed_dictionaries({"x-alpha": _or_reference("headers", _HEADER)}),
        "links": st.just({"next": {"operationId": "listThings"}}),
    },
)


def _operation(name: str) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(
        {
            "operationId": st.just(name),
            "responses": st.dictionaries(
                st.sampled_from(["200", "201", "404", "default"]),
                _or_reference("responses", _RESPONSE),
                min_size=1,
                max_size=2,
            ),
        },
        optional={
            "parameters": _PARAMETERS,
            "requestBody": _or_reference("requestBodies", _BODY),
            "deprecated": st.booleans(),
            "tags": st.permutations(["Tag", "Other"]).map(list),
            "security": st.just([{"Key": []}]),
            "servers": st.just([{"url": "https://one.example"}]),
            "callbacks": st.just({"done": {"{$request.body#/url}": {"post": {"responses": {}}}}}),
        },
    )


def _item(**methods: str) -> st.SearchStrategy[Document]:
    operations = {method: _operation(name) for method, name in methods.items()}
    return st.fixed_dictionaries(
        operations,
        optional={"parameters": _PARAMETERS, "servers": st.just([{"url": "https://two.example"}])},
    )


_PATHS = st.fixed_dictionaries(
    {"/things": _item(get="listThings", post="makeThing")},
    optional={
        "/things/{thing_id}": _item(get="getThing"),
        "/none": _item(),
        "/referred": st.just({"$ref": "#/components/pathItems/Shared"}),
    },
)


def _components(kind: str, inner: st.SearchStrategy[JSON]) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(dict.fromkeys(SHARED, _or_reference(kind, inner)))


_COMPONENTS = st.fixed_dictionaries(
    {
        "schemas": st.fixed_dictionaries(dict.fromkeys(COMPONENTS, SCHEMAS)),
        "parameters": _components("parameters", _PARAMETER),
        "requestBodies": _components("requestBodies", _BODY),
        "responses": _components("responses", _RESPONSE),
        "headers": _components("headers", _HEADER),
        "pathItems": st.fixed_dictionaries({"Shared": _item(get="getShared")}),
    },
    optional={
        "securitySchemes": st.just({"Key": {"type": "http", "scheme": "bearer"}}),
        "links": st.just({"Next": {"operationId": "listThings"}}),
    },
)

DOCUMENTS = st.fixed_dictionaries(
    {
        "openapi": st.just("3.1.0"),
        "info": st.just({"title": "Small", "version": "1"}),
        "paths": _PATHS,
        "components": _COMPONENTS,
    },
    optional={
        "tags": st.permutations(["Tag", "Other"]).map(lambda names: [{"name": name} for name in names]),
        "webhooks": st.fixed_dictionaries({"thing.done": _item(post="thingDone")}),
    },
)
