"""What becomes of each keyword when OpenAI's document is vendored.

Sources: OpenAPI 3.1.1 section 4.8 (its objects); JSON Schema 2020-12, Core and Validation; and the extensions
and misspellings met in OpenAI's published documents. A keyword that stands in no table is unknown, and stops
vendoring: it may carry a fact the generator has to learn. A table's order is the order in the vendored file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Leaf(Enum):
    """How a value is treated that holds no further OpenAPI object."""

    KEEP = auto()
    """A fact, kept as it is."""
    NAME = auto()
    """A string, kept."""
    FLAG = auto()
    """A boolean, kept."""
    VALUES = auto()
    """An array of any values, kept."""
    TYPES = auto()
    """A string or an array of strings, kept (JSON Schema 2020-12 Validation, 6.1.1)."""
    DROP = auto()
    """Prose, an example or a code sample: left behind."""
    SORT = auto()
    """A set written as an array of strings: kept, sorted."""
    TOKEN = auto()
    """An extension that is a fact while it holds flags, numbers and single words; else vendoring stops."""
    LINK = auto()
    """A URI reference that has to resolve inside the vendored document."""
    TARGET = auto()
    """A URI reference, or the bare name of a schema (Discriminator Object, `mapping`)."""
    KEYS = auto()
    """A map whose keys are facts and whose values are prose: kept with empty values (OAuth `scopes`)."""
    REASON = auto()
    """The required description of a response: replaced by the reason phrase, or the component's name."""


@dataclass(frozen=True)
class Object:
    """An object of the kind named: a key of `KINDS`."""

    kind: str


@dataclass(frozen=True)
class Each:
    """An array, each item under one rule."""

    rule: Rule


@dataclass(frozen=True)
class Map:
    """An object whose keys are names, sorted; one that does not match `names` is an unknown keyword."""

    rule: Rule
    names: re.Pattern[str] = re.compile("")


@dataclass(frozen=True)
class OrReference:
    """A Reference Object where there is a `$ref`, else as the rule says."""

    rule: Rule


Rule = Leaf | Object | Each | Map | OrReference

KEEP, DROP, TOKEN = Leaf.KEEP, Leaf.DROP, Leaf.TOKEN
NAME, FLAG = Leaf.NAME, Leaf.FLAG
SCHEMA = Object("schema")
SCHEMAS = Map(SCHEMA)
PATH = re.compile("/")
STATUS = re.compile(r"([1-5]([0-9][0-9]|XX)|default)\Z")
NOT_EXTENSION = re.compile("(?!x-)")
COMPONENT = re.compile(r"[A-Za-z0-9._-]+\Z")


def _referable(kind: str) -> OrReference:
    return OrReference(Object(kind))


def _components(rule: Rule) -> Map:
    return Map(rule, COMPONENT)


CALLBACK = OrReference(Map(Object("path item"), NOT_EXTENSION))
CONTENT = Map(Object("media type"))
PARAMETERS = Each(_referable("parameter"))
HEADERS = Map(_referable("header"))
SERVERS = Each(Object("server"))
RESPONSES = Map(_referable("response"), STATUS)

_DOCUMENT: dict[str, Rule] = {
    "openapi": KEEP,
    "info": Object("info"),
    "jsonSchemaDialect": KEEP,
    "servers": SERVERS,
    "security": KEEP,
    "tags": Each(Object("tag")),
    "paths": Map(Object("path item"), PATH),
    "webhooks": Map(Object("path item")),
    "components": Object("components"),
    "externalDocs": DROP,
    "x-oaiMeta": DROP,
}

_INFO: dict[str, Rule] = {
    "title": KEEP,
    "version": KEEP,
    "license": Object("license"),
    **dict.fromkeys(("summary", "description", "termsOfService", "contact"), DROP),
}

_COMPONENTS: dict[str, Rule] = {
    "schemas": _components(SCHEMA),
    "responses": _components(_referable("response")),
    "parameters": _components(_referable("parameter")),
    "requestBodies": _components(_referable("request body")),
    "headers": _components(_referable("header")),
    "securitySchemes": _components(_referable("security scheme")),
    "links": _components(_referable("link")),
    "callbacks": _components(CALLBACK),
    "pathItems": _components(Object("path item")),
    "examples": DROP,
}

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_PATH_ITEM: dict[str, Rule] = {
    "$ref": Leaf.LINK,
    "servers": SERVERS,
    "parameters": PARAMETERS,
    **dict.fromkeys(METHODS, Object("operation")),
    **dict.fromkeys(("summary", "description"), DROP),
}

_OPERATION: dict[str, Rule] = {
    "operationId": NAME,
    "deprecated": FLAG,
    "tags": Each(NAME),
    "security": KEEP,
    "servers": SERVERS,
    "parameters": PARAMETERS,
    "requestBody": _referable("request body"),
    "responses": RESPONSES,
    "callbacks": Map(CALLBACK),
    **dict.fromkeys(("summary", "description", "externalDocs", "x-oaiMeta"), DROP),
}

_HEADER: dict[str, Rule] = {
    **dict.fromkeys(("required", "deprecated", "allowEmptyValue"), FLAG),
    "style": NAME,
    **dict.fromkeys(("explode", "allowReserved"), FLAG),
    "schema": SCHEMA,
    "content": CONTENT,
    **dict.fromkeys(("description", "example", "examples"), DROP),
}

_SCHEMA: dict[str, Rule] = {
    **dict.fromkeys(("$schema", "$id", "$vocabulary", "$anchor", "$dynamicAnchor", "$recursiveAnchor"), KEEP),
    "$ref": Leaf.LINK,
    **dict.fromkeys(("$dynamicRef", "$recursiveRef"), KEEP),
    "title": NAME,
    "type": Leaf.TYPES,
    "nullable": FLAG,
    "format": NAME,
    "const": KEEP,
    "enum": Leaf.VALUES,
    "default": KEEP,
    **dict.fromkeys(("deprecated", "readOnly", "writeOnly"), FLAG),
    **dict.fromkeys(("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"), KEEP),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType"), KEEP),
    "contentSchema": SCHEMA,
    # min_items, max_items and optional are misspellings: kept as they are, for the overlay to judge.
    **dict.fromkeys(("minItems", "maxItems", "min_items", "max_items", "uniqueItems"), KEEP),
    "prefixItems": Each(SCHEMA),
    **dict.fromkeys(("items", "contains"), SCHEMA),
    **dict.fromkeys(("minContains", "maxContains"), KEEP),
    "unevaluatedItems": SCHEMA,
    **dict.fromkeys(("minProperties", "maxProperties", "optional"), KEEP),
    "required": Leaf.SORT,
    "dependentRequired": Map(Leaf.SORT),
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), SCHEMAS),
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties", "propertyNames"), SCHEMA),
    "discriminator": Object("discriminator"),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), Each(SCHEMA)),
    **dict.fromkeys(("not", "if", "then", "else"), SCHEMA),
    **dict.fromkeys(("$defs", "definitions"), SCHEMAS),
    "xml": Object("xml"),
    **dict.fromkeys(("x-stainless-const", "x-stainless-param", "x-stainless-skip"), TOKEN),
    **dict.fromkeys(("x-oai-beta", "x-oaiExpandable", "x-oaiSupportedSDKs", "x-oaiTypeLabel"), TOKEN),
    **dict.fromkeys(("description", "example", "examples", "externalDocs", "$comment", "x-oaiMeta"), DROP),
}

_SECURITY_SCHEME: dict[str, Rule] = {
    **dict.fromkeys(("type", "scheme", "bearerFormat", "in", "name", "openIdConnectUrl"), KEEP),
    "flows": Object("oauth flows"),
    "description": DROP,
}

KINDS: Mapping[str, Mapping[str, Rule]] = {
    "document": _DOCUMENT,
    "info": _INFO,
    "license": dict.fromkeys(("name", "identifier", "url"), KEEP),
    "server": {"url": KEEP, "variables": Map(Object("server variable")), "description": DROP},
    "server variable": {"default": KEEP, "enum": KEEP, "description": DROP},
    "tag": {"name": NAME, "description": DROP, "externalDocs": DROP},
    "components": _COMPONENTS,
    "path item": _PATH_ITEM,
    "operation": _OPERATION,
    "parameter": {"name": NAME, "in": NAME, **_HEADER},
    "header": _HEADER,
    "request body": {"required": FLAG, "content": CONTENT, "description": DROP},
    "media type": {
        "schema": SCHEMA,
        "encoding": Map(Object("encoding")),
        **dict.fromkeys(("example", "examples"), DROP),
    },
    "encoding": {
        "contentType": KEEP,
        "headers": HEADERS,
        **dict.fromkeys(("style", "explode", "allowReserved"), KEEP),
    },
    "response": {
        "description": Leaf.REASON,
        "headers": HEADERS,
        "content": CONTENT,
        "links": Map(_referable("link")),
    },
    "link": {
        **dict.fromkeys(("operationId", "operationRef", "parameters", "requestBody"), KEEP),
        "server": Object("server"),
        "description": DROP,
    },
    "reference": {"$ref": Leaf.LINK, "summary": DROP, "description": DROP},
    "schema": _SCHEMA,
    "discriminator": {"propertyName": KEEP, "mapping": Map(Leaf.TARGET)},
    "xml": dict.fromkeys(("name", "namespace", "prefix", "attribute", "wrapped"), KEEP),
    "security scheme": _SECURITY_SCHEME,
    "oauth flows": dict.fromkeys(
        ("implicit", "password", "clientCredentials", "authorizationCode"), Object("oauth flow")
    ),
    "oauth flow": {
        **dict.fromkeys(("authorizationUrl", "tokenUrl", "refreshUrl"), KEEP),
        "scopes": Leaf.KEYS,
    },
}
