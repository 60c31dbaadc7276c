"""What the import of GPT Actions accepts: rules, each of which finds what breaks it.

The limits of texts and sizes, the one kind of authentication and `x-openai-isConsequential` are in OpenAI's
production notes on GPT Actions. The other rules are what the import says when it refuses a document, or takes
it and leaves an operation out.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from codegen import faults, files
from codegen.actions import walk
from codegen.actions.flat import FILE_REFERENCES
from codegen.actions.walk import Operation, mapping, sequence
from codegen.contract import Document, references
from codegen.errors import CodegenError

CHARACTERS = 100_000
OPERATIONS = 30
VERSIONS = ("3.1.0", "3.1.1")
TEXT_CHARACTERS = 300
PARAMETER_CHARACTERS = 700
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_CONSEQUENTIAL = "x-openai-isConsequential"
_Findings: TypeAlias = Iterator[str]


def length(document: Document) -> int:
    """The characters of `document` as it is written."""
    return len(files.dump_json(document).decode())


def findings(document: Document) -> list[str]:
    """What in `document` the import refuses or leaves out: a line each, the place first."""
    found = [finding for rule in _OF_DOCUMENTS for finding in rule(document)]
    for operation in walk.operations(document):
        for rule in _OF_OPERATIONS:
            found += [f"{operation.place}: {finding}" for finding in rule(document, operation)]
    for place, schema in walk.schemas(document):
        found += [f"{place}: {finding}" for finding in _schema(schema)]
    return list(dict.fromkeys(" ".join(finding.split()) for finding in found))


def check(document: Document, name: str) -> None:
    """Raise CodegenError, with the file's `name`, unless the import accepts `document` whole."""
    if found := findings(document):
        raise CodegenError(f"{name}: {found[0]} ({len(found)} in all)")


def _version(document: Document) -> _Findings:
    if document.get("openapi") not in VERSIONS:
        yield f"openapi: {document.get('openapi')!r} is none of {', '.join(VERSIONS)}"


def _length(document: Document) -> _Findings:
    if (size := length(document)) >= CHARACTERS:
        over = size - CHARACTERS + 1
        yield f"the document: {size} characters, {over} too many: under {CHARACTERS} are taken"


def _server(document: Document) -> _Findings:
    servers = sequence(document.get("servers"))
    if len(servers) != 1:
        yield f"servers: {len(servers)} where exactly one is taken"
    for server in servers:
        url = mapping(server).get("url")
        if not isinstance(url, str) or not url.startswith("https://"):
            yield f"servers: {url!r} is no https address"


def _count(document: Document) -> _Findings:
    count = len(walk.operations(document))
    if count == 0:
        yield "paths: there is no operation"
    if count > OPERATIONS:
        yield f"paths: {count} operations, {count - OPERATIONS} over the limit of {OPERATIONS}"


def _unique(document: Document) -> _Findings:
    ids = [operation.members.get("operationId") for operation in walk.operations(document)]
    for name, count in Counter(name for name in ids if isinstance(name, str)).items():
        if count > 1:
            yield f"operationId: {name!r} stands there {count} times"


def _components(document: Document) -> _Findings:
    if not isinstance(mapping(document.get("components")).get("schemas"), dict):
        yield "components.schemas: an object is expected, even an empty one"


def _security(document: Document) -> _Findings:
    schemes = mapping(mapping(document.get("components")).get("securitySchemes"))
    if len(schemes) > 1:
        yield f"components.securitySchemes: {len(schemes)}, {len(schemes) - 1} too many: one is taken"
    for name, scheme in schemes.items():
        kind = mapping(scheme).get("type")
        bearer = kind == "http" and str(mapping(scheme).get("scheme")).lower() == "bearer"
        if kind not in ("apiKey", "oauth2") and not bearer:
            yield f"components.securitySchemes.{name}: it is no API key, no HTTP bearer and no OAuth"


def _references(document: Document) -> _Findings:
    for ref in references(document):
        if not ref.startswith("#"):
            yield f"$ref: {ref!r} leads to another document"


def _valid(document: Document) -> _Findings:
    """Where a reference leads elsewhere the validator would go there, and other versions it does not know."""
    if document.get("openapi") not in VERSIONS or any(_references(document)):
        return
    try:
        yield from (f"OpenAPI: {fault.splitlines()[0]}" for fault in faults.found_in(document))
    except Exception as error:  # noqa: BLE001 - it fails in many ways on documents that are none
        yield f"OpenAPI: it cannot be validated: {type(error).__name__}: {error}"


_OF_DOCUMENTS: tuple[Callable[[Document], _Findings], ...] = (
    _version,
    _length,
    _server,
    _count,
    _unique,
    _components,
    _security,
    _references,
    _valid,
)


def _id(_: Document, operation: Operation) -> _Findings:
    name = operation.members.get("operationId")
    if name is None:
        yield "operationId: there is none"
    elif not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"operationId: {name!r} is not made of at most 64 letters, digits and underscores"


def _texts(_: Document, operation: Operation) -> _Findings:
    texts = {key: operation.members.get(key) for key in ("summary", "description")}
    if not any(texts.values()):
        yield "summary: there is none, nor a description: a model has nothing to choose the operation by"
    for key, text in texts.items():
        yield from _too_long(text, key, TEXT_CHARACTERS)


def _too_long(text: Any, place: str, limit: int) -> _Findings:
    if isinstance(text, str) and len(text) > limit:
        yield f"{place}: {len(text)} characters, {len(text) - limit} over the limit of {limit}"


def _parameters(document: Document, operation: Operation) -> _Findings:
    for parameter in operation.parameters:
        found = walk.resolved(document, parameter)
        place = f"parameter {found.get('name')}"
        if "$ref" in mapping(parameter):
            yield f"{place}: it is a reference, and its operation is left out: write it out"
        if found.get("in") not in ("path", "query"):
            yield f"{place}: it is in {found.get('in')!r}, and is ignored: path and query are taken"
        yield from _too_long(found.get("description"), place, PARAMETER_CHARACTERS)


def _media(document: Document, operation: Operation) -> _Findings:
    for place, content in walk.contents(document, operation):
        for name in content:
            if name.partition(";")[0].strip().lower() != "application/json":
                yield f"{place}: {name} is no JSON"


def _body(_: Document, operation: Operation) -> _Findings:
    if "requestBody" in operation.members and operation.method in ("get", "head", "delete"):
        yield f"requestBody: a {operation.method.upper()} has none"


def _consequential(_: Document, operation: Operation) -> _Findings:
    if not isinstance(operation.members.get(_CONSEQUENTIAL), bool):
        yield f"{_CONSEQUENTIAL}: true or false is expected, so that it is meant"


def _files(document: Document, operation: Operation) -> _Findings:
    for place, content in walk.contents(document, operation):
        for media in content.values():
            schema = walk.resolved(document, mapping(media).get("schema"))
            properties = mapping(schema.get("properties"))
            if place == "requestBody" and FILE_REFERENCES in properties:
                yield from _file_references(operation, mapping(properties[FILE_REFERENCES]))


def _file_references(operation: Operation, field: Document) -> _Findings:
    items = mapping(field.get("items")).get("type")
    if operation.method != "post" or field.get("type") != "array" or items != "string":
        yield f"{FILE_REFERENCES}: only an array of strings in the body of a POST gets files"
    if not field.get("description"):
        yield f"{FILE_REFERENCES}: no description says which files, and how many"


_OF_OPERATIONS: tuple[Callable[[Document, Operation], _Findings], ...] = (
    _id,
    _texts,
    _parameters,
    _media,
    _body,
    _consequential,
    _files,
)


def _schema(schema: Document) -> _Findings:
    kinds = schema.get("type")
    named = kinds if isinstance(kinds, list) else [kinds]
    if "object" in named and not isinstance(schema.get("properties"), dict):
        yield "an object without properties; {} will do"
    if "array" in named and "items" not in schema:
        yield "an array without items"
