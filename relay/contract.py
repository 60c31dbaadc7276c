"""The generated contract as the runtime reads it: routing document, served document, operations."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

import yaml
from starlette.types import Scope

from generated.operations import OPERATIONS, Operation

# libyaml, where PyYAML was built with it, is several times as quick.
_YAML: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_YAML):  # type: ignore[misc]  # one class or the other
    """Quotes what is no number in YAML 1.1, which PyYAML writes, but is one in 1.2 (10.3.2)."""


_NUMBER = re.compile(r"(?:[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+)\Z")
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


@cache
def _generated(name: str) -> bytes:
    return (files("generated") / name).read_bytes()


def routing_document() -> dict[str, Any]:
    """Connexion's OpenAPI 3.0.3 document, a fresh copy: paths, methods, operation ids, security."""
    document: dict[str, Any] = json.loads(_generated("routing.json"))
    return document


def served_document() -> bytes:
    """The merged OpenAPI 3.1.0 document as JSON."""
    return _generated("openapi.json")


@cache
def served_yaml() -> bytes:
    """The same as YAML. The first call takes a second: make it beside the event loop."""
    return as_yaml(json.loads(served_document()))


def as_json(value: Any) -> bytes:
    """`value` as JSON in UTF-8, without a space or a line break."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def as_yaml(value: dict[str, Any]) -> bytes:
    """`value` as a YAML document in UTF-8, members in their order; readers of 1.1 and of 1.2 get the same."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text.encode()


@cache
def tools() -> dict[str, dict[str, Any]]:
    """The tools that a response can be given, by id: what `RelayTool` in the overlay describes."""
    return {tool["id"]: tool for tool in json.loads(_generated("tools.json"))["tools"]}


def names() -> dict[str, Any]:
    """The names that the contract knows, a fresh copy: `codegen/names.py` says how they are written."""
    found: dict[str, Any] = json.loads(_generated("names.json"))
    return found


def operation_of(scope: Scope) -> Operation | None:
    """The operation that Connexion's routing found, or the variant of it that the query string names."""
    routing = scope.get("extensions", {}).get("connexion_routing")
    if routing is None:
        return None
    if "operation" not in routing:
        operation = OPERATIONS.get(routing["operation_id"])
        routing["operation"] = operation and _variant(operation, scope)
    found: Operation | None = routing["operation"]
    return found


def names_of(scope: Scope) -> set[str]:
    """The ids of what is asked for: by its own name, and as the original of an alias or the variant of it."""
    routed = OPERATIONS.get(scope["extensions"]["connexion_routing"]["operation_id"])
    if routed is None:
        return set()
    original = OPERATIONS.get(routed.alias_of or "", routed)
    return {found.operation_id for found in (routed, original, _variant(original, scope))}


def placed(raw_path: bytes, template: str, wanted: str) -> bytes:
    """The path of the template `wanted` with the parameters that `raw_path` has in `template`."""
    given = dict(zip(template.split("/"), raw_path.split(b"/"), strict=True))
    return b"/".join(given[part] if part.startswith("{") else part.encode() for part in wanted.split("/"))


def _variant(operation: Operation, scope: Scope) -> Operation:
    if not operation.variants:
        return operation
    pairs = {f"{name}={value}" for name, value in parse_qsl(scope["query_string"].decode("latin-1"))}
    return next((OPERATIONS[name] for query, name in operation.variants if query in pairs), operation)
