"""Doors: JSON operations below /actions, for clients that can neither send files nor receive them.

A door is an alias. An operation of the upstream gets one where the overlay says `x-relay: {door: {…}}`, or
where `x-relay-actions` has words for it. What the overlay may say of a door:

    path      where it is, below the upstream's base; without it /actions and the operation's own path
    strict    true: a body that deviates from its schema is refused; always so where a form is made of it
    fields    schemas of members that the operation itself does not have
    enums     fields that take no value besides those that the contract names
    files     how files are given, by form field: {base64, url, flat, one, media_types, mib}
    encoded   {list, member}: where the answer's JSON holds files in base64

`base64` and `url` are lists of members that hold a file's content or its address; `flat` says that the form
field itself is no member, `one` that it takes no list. `media_types` and `mib` say what a file may be.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from codegen.errors import CodegenError

if TYPE_CHECKING:
    from codegen.contract import Route

Document = dict[str, Any]
FORM, JSON = "multipart/form-data", "application/json"
_PREFIX, _HANDLER = "/actions", "actions.serve"
_KEYS = {"path", "strict", "fields", "enums", "files", "encoded"}
_FILE_KEYS = {"base64", "url", "flat", "one", "media_types", "mib"}
_MIB = 25
_REF = "#/components/schemas/"
# A door answers once, with JSON: what asks for a stream or shapes one is left out.
STREAMING = frozenset(
    {"stream", "stream_options", "stream_format", "partial_images", "include_obfuscation", "starting_after"}
)
_READABLE = {JSON, "text/plain"}
_NO_FILES = {*_READABLE, "text/event-stream", "application/sdp"}
# What relay/actions/inputs.py knows a file's kind by.
_KNOWN_KINDS = {"image/png"}
_STRING: Document = {"type": "string"}


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form: the members that it may be given by, and what it may be."""

    name: str
    several: bool
    required: bool
    member: bool
    others: bool
    base64: tuple[str, ...]
    url: tuple[str, ...]
    media_types: tuple[str, ...]
    max_bytes: int


def check(door: Any, where: str) -> None:
    """Raise CodegenError for what the overlay says of a door that is not known here."""
    files = door.get("files", {}) if isinstance(door, dict) else None
    if not isinstance(files, dict) or not all(isinstance(file, dict) for file in files.values()):
        raise CodegenError(f"{where}: x-relay: door is an object, and so is each of its files")
    unknown = (door.keys() - _KEYS).union(*(file.keys() - _FILE_KEYS for file in files.values()))
    if unknown:
        raise CodegenError(f"{where}: x-relay: door: unknown keys {sorted(unknown)}")


def routes(originals: list[Route], schemas: Document, words: Document) -> list[Route]:
    """The doors to `originals`: one for each that is declared, or that `words` has by its operation id."""
    made = []
    for route in originals:
        declared = route.relay.get("door")
        if route.query is None and (declared is not None or route.operation_id in words):
            path = (declared or {}).get("path", f"{_PREFIX}{route.upstream_path}")
            base = route.path.removesuffix(route.upstream_path or "")
            operation = {"operationId": _name(route.operation_id), "tags": route.operation.get("tags", [])}
            door = replace(route, path=base + path, operation=operation, hidden=declared is None)
            made.append(opened(door, route, schemas))
    return made


def opened(door: Route, original: Route, schemas: Document) -> Route:
    """`door` with the body and the answers that it has by `original`; raises CodegenError."""
    said = door.relay.get("door") or {}
    content = original.operation.get("requestBody", {}).get("content", {})
    operation = {
        "summary": f"{original.method.upper()} {original.path}, as JSON",
        **door.operation,
        "parameters": [p for p in original.operation["parameters"] if p.get("name") not in STREAMING],
        "responses": _answers(original),
    }
    files: list[FormFile] = []
    if FORM in content and (form := _resolved(content[FORM]["schema"], schemas)) and _files(form, {}):
        files = _files(form, said.get("files", {}))
        operation["requestBody"] = _body(_form_body(form, files, said, schemas))
    elif JSON in content:
        schema = content[JSON]["schema"]
        closed = {**_resolved(schema, schemas), "unevaluatedProperties": False}
        operation["requestBody"] = {
            **original.operation["requestBody"],
            "content": {JSON: {"schema": closed if said.get("strict") else schema}},
        }
    elif content:
        raise CodegenError(f"spec: {original.operation_id}: its body is neither JSON nor a form with files")
    elif original.method == "post":
        operation["requestBody"] = {**_body(_closed({}, [])), "required": False}
    strict = bool(said.get("strict") or files or (not content and original.method == "post"))
    kept = {key: value for key, value in original.relay.items() if key == "beta"}
    facts = {
        "strict": strict,
        "files": [asdict(file) for file in files],
        "file": is_file(original),
        "encoded": tuple(said.get("encoded", {}).get(key, "") for key in ("list", "member")),
    }
    return replace(
        door,
        operation=operation,
        upstream_path=original.upstream_path,
        relay={**kept, "handler": _HANDLER, "door": facts},
        alias_of=original.operation_id,
    )


def is_file(route: Route) -> str | None:
    """Whether `route` answers with files `only`, or `also`; None where it never does."""
    answers = route.operation.get("responses", {}).items()
    types = {name for code, answer in answers if code < "300" for name in answer.get("content", {})}
    if not types - _NO_FILES:
        return None
    return "also" if types & _READABLE else "only"


def _answers(original: Route) -> Document:
    answers = original.operation.get("responses", {})
    if is_file(original):
        content: Document = {JSON: {"schema": {"$ref": _REF + "ActionFiles"}}}
        refused = {code: answer for code, answer in answers.items() if code >= "300"}
        return {"200": {"description": "The file, in base64.", "content": content}, **refused}
    return {code: _readable(answer) for code, answer in answers.items()}


def _readable(answer: Document) -> Document:
    if "content" not in answer:
        return answer
    return {**answer, "content": {k: v for k, v in answer["content"].items() if k in _READABLE}}


def _name(operation_id: str) -> str:
    first, *rest = re.split(r"[^A-Za-z0-9]+", operation_id)
    return first[:1].lower() + first[1:] + "".join(part[:1].upper() + part[1:] for part in rest) + "Action"


def _resolved(schema: Document, schemas: Document) -> Document:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(_REF)]
    return schema


def _body(schema: Document) -> Document:
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _closed(properties: Document, required: list[str]) -> Document:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "unevaluatedProperties": False,
    }


def _files(form: Document, said: Document) -> list[FormFile]:
    """The files of a form, those that it needs first."""
    needed = form.get("required", [])
    found = []
    for name, schema in form.get("properties", {}).items():
        alternatives = _alternatives(schema)
        if not any(map(_is_binary, alternatives)):
            continue
        file = said.get(name, {})
        found.append(
            FormFile(
                name=name,
                several=not file.get("one") and any(part.get("type") == "array" for part in alternatives),
                required=name in needed,
                member=not file.get("flat", False),
                others=not all(map(_is_binary, alternatives)),
                base64=tuple(file.get("base64", ())),
                url=tuple(file.get("url", ())),
                media_types=tuple(file.get("media_types", ())),
                max_bytes=file.get("mib", _MIB) * 1024 * 1024,
            )
        )
    return sorted(found, key=lambda file: not file.required)


def _alternatives(schema: Document) -> list[Document]:
    return next((schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema), [schema])


def _is_binary(schema: Document) -> bool:
    if schema.get("type") == "array":
        return _is_binary(schema.get("items", {}))
    return schema.get("format") == "binary"


def _form_body(form: Document, files: list[FormFile], said: Document, schemas: Document) -> Document:
    """The schema of the JSON that a form with files is made of."""
    names = {file.name for file in files}
    plain = {k: v for k, v in form["properties"].items() if k not in names | STREAMING}
    if "stream" in form["properties"]:
        plain["stream"] = {"type": "boolean", "enum": [False]}
    _check_names(said, files, plain)
    named = {name: _named_values(plain[name], schemas) for name in said.get("enums", [])}
    properties = {**plain, **named, **said.get("fields", {})}
    for file in files:
        if file.member:
            properties[file.name] = _file_member(file, form["properties"][file.name])
        properties |= dict.fromkeys((*file.base64, *file.url), _STRING)
        if file.base64:
            properties |= {"filename": _STRING, "mime_type": _STRING}
    properties["openaiFileIdRefs"] = {"$ref": _REF + "ActionFileReferences"}
    return _closed(properties, [name for name in form.get("required", []) if name not in names])


def _check_names(said: Document, files: list[FormFile], plain: Document) -> None:
    known = {"files": {file.name for file in files}, "enums": plain.keys()}
    for key, names in known.items():
        if unknown := sorted(set(said.get(key, ())) - set(names)):
            raise CodegenError(f"spec/actions.yaml: x-relay: door: {key}: the form has no {unknown[0]!r}")
    for file in files:
        if unknown := sorted(set(file.media_types) - _KNOWN_KINDS):
            message = f"the relay cannot tell {unknown[0]!r} by its beginning"
            raise CodegenError(f"spec/actions.yaml: x-relay: door: media_types: {message}")


def _named_values(schema: Document, schemas: Document) -> Document:
    found = [part for part in _alternatives(_resolved(schema, schemas)) if "enum" in part]
    if not found:
        raise CodegenError("spec/actions.yaml: x-relay: door: enums: the contract names no values for it")
    return found[0]


def _file_member(file: FormFile, schema: Document) -> Document:
    alternatives = _alternatives(schema)
    others = [part for part in alternatives if not _is_binary(part)]
    given = [{"$ref": _REF + "ActionFile"}, {"$ref": _REF + "ActionFileReference"}, _STRING]
    lists = [part for part in alternatives if file.several and part.get("type") == "array"]
    return {"anyOf": [*given, *({**part, "items": {"anyOf": given}} for part in lists), *others]}
