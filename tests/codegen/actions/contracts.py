"""A small contract with doors for Actions, and documents to break."""

import copy
from dataclasses import replace
from typing import Any

from codegen.actions import document
from codegen.actions.groups import read
from codegen.contract import Contract, Route

JSON = Any
LOCK = {"version": "1.2.3", "date": "2026-01-02", "commit": None, "source_sha256": "0" * 64}
SCHEMAS: dict[str, JSON] = {
    "NewThing": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "stream": {"type": "boolean"},
            "inner": {"$ref": "#/components/schemas/NewThing"},
        },
    },
    "Thing": {
        "type": "object",
        "properties": {"id": {"type": "string"}, "made": {"type": "object", "properties": {"at": {}}}},
    },
}
PATH = {"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "default": 20}}
FILES = {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "object"}]}}
GROUP = {
    "title": "Things",
    "description": "Make things and look at them.",
    "operations": ["create-thing", "getThing", "deleteThing", "uploadThing", "getInfo"],
}
ACTIONS: dict[str, JSON] = {
    "groups": {"things": GROUP},
    "operations": {
        "create-thing": "Make a thing.",
        "getThing": "Look at a thing.",
        "deleteThing": "Delete a thing.",
        "uploadThing": "Make a thing of a file.",
        "getInfo": "Say how the relay is.",
    },
    "fields": {
        "limit": "How many.",
        "name": "A name.",
        "uploadThing.name": "Its name.",
        "openaiFileIdRefs": "The file, one.",
        "openaiFileResponse": "The file.",
    },
    "harmless": ["create-thing"],
    "without": {"/secrets*": "They are secret.", "hidden*": "It is hidden."},
}


def body(schema: JSON, media_type: str = "application/json") -> dict[str, JSON]:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def answer(schema: JSON) -> dict[str, JSON]:
    return {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}}


def route(
    operation_id: str, method: str, path: str, schema: JSON = None, *, own: bool = False, **operation: JSON
) -> Route:
    """An operation of the upstream at `path`, or of the relay's own; `schema` is that of its JSON body."""
    members = {"operationId": operation_id, "parameters": [], "responses": {}, **operation}
    if schema is not None:
        members["requestBody"] = body(schema)
    return Route(path if own else f"/v1{path}", None if own else path, method, members, {})


def door(original: Route, path: str | None = None, *, encoded: str = "", **operation: JSON) -> Route:
    """A door to `original`, at its usual path or at `path`, where it differs by `operation`.

    `encoded` is the list of its answer that holds files in base64.
    """
    members = {**original.operation, "operationId": f"{original.operation_id}_door{path or ''}", **operation}
    place = path or f"/v1/actions{original.upstream_path}"
    return replace(
        original,
        path=place,
        operation=members,
        relay={"door": {"encoded": (encoded, encoded and "content")}},
        alias_of=original.operation_id,
    )


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def routes() -> list[Route]:
    thing = answer(reference("Thing"))
    create = route("create-thing", "post", "/things", reference("NewThing"), responses=thing)
    get = route("getThing", "get", "/things/{thing_id}", parameters=[PATH, LIMIT], responses=thing)
    delete = route("deleteThing", "delete", "/things/{thing_id}", parameters=[PATH])
    upload = route("uploadThing", "post", "/things/upload", requestBody=body({}, "multipart/form-data"))
    uploaded = {"type": "object", "properties": {"openaiFileIdRefs": FILES, "name": {"type": "string"}}}
    given = {"type": "object", "properties": {"openaiFileResponse": {"type": "array"}}}
    doors = [
        *(door(original) for original in (create, get, delete)),
        door(upload, requestBody=body(uploaded), responses=answer(given)),
    ]
    hidden = [
        route("getSecret", "get", "/secrets/{thing_id}", parameters=[PATH]),
        route("hiddenThing", "get", "/o"),
    ]
    return [create, get, delete, upload, *doors, *hidden, route("getInfo", "get", "/info", own=True)]


def contract(
    *more: Route, actions: JSON = ACTIONS, schemas: dict[str, JSON] = SCHEMAS, **parts: JSON
) -> Contract:
    """The small contract with `more` routes; `parts` replace parts of its data on Actions."""
    components = {"components": {"schemas": schemas}}
    return Contract(components, [*routes(), *more], LOCK, {**copy.deepcopy(actions), **parts})


def compiled(made: Contract | None = None) -> dict[str, JSON]:
    """The document of the small contract's group."""
    made = made or contract()
    return document.document(made, read(made), read(made).groups[0])
