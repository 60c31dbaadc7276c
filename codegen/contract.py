"""The contract: the vendored document with the overlay applied, mounted where the relay serves it."""

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from codegen import collisions, doors, files, lines, nullable, overlay
from codegen.errors import CodegenError, raise_all
from codegen.facts import resolves

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
Document = dict[str, Any]
BETAS = ("assistants", "realtime")
_FLAGS = ("unprefixed", "proxy", "websocket", "client_secret", "models")
_RELAY_KEYS = {"handler", "beta", "variants", "alias", "ends", "door", "takes", *_FLAGS}
# Applied in this order; those after the first may be absent.
_OVERLAYS = (
    "overlay.yaml",
    "realtime.yaml",
    "actions.yaml",
    "groups.yaml",
    "pages.yaml",
    "errors.yaml",
    "words.yaml",
)
ACTIONS = "x-relay-actions"
TOOLS = "x-relay-tools"
WORDS = "x-relay-words"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the merged document, or one variant of it.

    `path` is where the relay serves it (`/v1/files`), `upstream_path` where the upstream does, below its base
    (`/files`; None for the relay's own). `query` is the pair that selects a variant (`beta=true`). `alias_of`
    is the operation that this one is another name for; a `hidden` one is not in the served document.
    """

    path: str
    upstream_path: str | None
    method: str
    operation: Document
    relay: Document
    query: str | None = None
    alias_of: str | None = None
    hidden: bool = False

    @property
    def operation_id(self) -> str:
        """The `operationId`."""
        return str(self.operation["operationId"])


@dataclass(frozen=True, slots=True)
class Contract:
    """The merged document as the relay serves it (absolute paths), and its operations in document order.

    `actions` says what the documents for GPT Actions are made of: groups, and words for operations. `tools`
    are those of the Responses API that the relay lists. `words` are what the served document says.
    """

    document: Document
    routes: list[Route]
    lock: Document
    actions: Document = field(default_factory=dict)
    tools: list[Any] = field(default_factory=list)
    words: Document = field(default_factory=dict)


def load(spec: Path) -> Contract:
    """Read, merge and mount the contract in the folder `spec`; raises CodegenError."""
    merged, faults = _merged(spec)
    raise_all(faults)
    return _made(merged, spec)


def attempt(spec: Path) -> tuple[Contract | None, list[CodegenError]]:
    """The contract as far as the overlays fit the document, and what does not; None where none comes of it.

    What fails only because an action before it did is not told.
    """
    faults: list[CodegenError] = []
    try:
        merged, faults = _merged(spec)
        return _made(merged, spec), faults
    except CodegenError as error:
        return None, faults or [error]


def _merged(spec: Path) -> tuple[Document, list[CodegenError]]:
    merged = nullable.spelled_out(files.load(spec / "openai.json"))
    faults: list[CodegenError] = []
    for path in (spec / name for name in _OVERLAYS if name == _OVERLAYS[0] or (spec / name).exists()):
        merged, found = overlay.applied(merged, files.load(path), str(path), _action_lines(path))
        faults += found
    return merged, faults


def _made(merged: Document, spec: Path) -> Contract:
    _check_whole(merged, str(spec / _OVERLAYS[0]))
    actions, tools, words = merged.pop(ACTIONS, {}), merged.pop(TOOLS, []), merged.pop(WORDS, {})
    routes = _routes(merged, actions.get("operations", {}))
    collisions.check(routes)
    lock = files.load(spec / "openai.lock.json")
    return Contract(_mounted(merged, routes), routes, lock, actions, tools, words)


def _action_lines(path: Path) -> list[int]:
    places = lines.of_yaml(path.read_text(encoding="utf-8"))
    return [
        places["actions", number]
        for number in itertools.takewhile(lambda number: ("actions", number) in places, itertools.count())
    ]


def _base(document: Document, item: Document) -> str:
    servers = item.get("servers") or document.get("servers") or [{"url": "/"}]
    return urlsplit(str(servers[0]["url"])).path.rstrip("/")


def _routes(document: Document, words: Document) -> list[Route]:
    found: list[Route] = []
    for key, item in document["paths"].items():
        if "?" in key:
            raise CodegenError(f"spec/overlay.yaml: no action makes a variant of the path key {key!r}")
        own = "servers" in item
        for method in METHODS:
            if method in item:
                found += _with_variants(_base(document, item) + key, None if own else key, method, item)
    plain = [route for route in found if "alias" not in route.relay]
    schemas = document["components"]["schemas"]
    upstream = [route for route in plain if route.upstream_path is not None]
    return [
        *plain,
        *_aliases(found, schemas),
        *doors.routes(upstream, schemas, words),
        *(_unprefixed(route) for route in plain if _is_unprefixed(route)),
    ]


def _is_unprefixed(route: Route) -> bool:
    return route.query is None and bool(route.relay.get("unprefixed"))


def _unprefixed(route: Route) -> Route:
    """The same operation at the upstream's path itself, outside the path of the server."""
    if route.upstream_path is None or route.relay.get("variants"):
        raise CodegenError(
            f"spec/overlay.yaml: {route.operation_id}: x-relay: unprefixed is for upstream operations "
            "without variants"
        )
    operation = {**route.operation, "operationId": f"{route.operation_id}_unprefixed"}
    return replace(
        route,
        path=route.upstream_path,
        operation=operation,
        relay=_without_door(route.relay),
        alias_of=route.operation_id,
        hidden=True,
    )


def _aliases(routes: list[Route], schemas: Document) -> list[Route]:
    """The operations that are other names: what they do not say themselves is their original's."""
    originals = {
        route.operation_id: route
        for route in routes
        if "alias" not in route.relay and route.query is None and route.upstream_path is not None
    }
    made = []
    for route in (route for route in routes if "alias" in route.relay):
        place = f"spec/overlay.yaml: {route.method.upper()} {route.path}: x-relay: alias"
        original = originals.get(route.relay["alias"])
        if original is None:
            raise CodegenError(f"{place}: {route.relay['alias']!r} is no operation of the upstream")
        if route.upstream_path is None or route.relay.keys() - {"alias", "handler", "door"}:
            raise CodegenError(f"{place}: it stands below the upstream's base, beside handler or door")
        if route.method != original.method or _parameters(route.path) != _parameters(original.path):
            raise CodegenError(f"{place}: its method and path parameters are not those of {original.path}")
        if route.operation["parameters"]:
            raise CodegenError(f"{place}: its parameters are those of {original.path}, and not said again")
        is_door = "door" in route.relay
        made.append(doors.opened(route, original, schemas) if is_door else _completed(route, original))
    return made


def _completed(alias: Route, original: Route) -> Route:
    shared = {"parameters": original.operation["parameters"]}
    return replace(
        alias,
        upstream_path=original.upstream_path,
        operation={**original.operation, **alias.operation, **shared},
        relay={**_without_door(original.relay), "variants": {}, **alias.relay},
        alias_of=original.operation_id,
    )


def _without_door(relay: Document) -> Document:
    return {key: value for key, value in relay.items() if key != "door"}


def _parameters(path: str) -> list[str]:
    return sorted(part for part in path.split("/") if part.startswith("{"))


def _with_variants(path: str, upstream_path: str | None, method: str, item: Document) -> list[Route]:
    operation = item[method]
    place = f"{method.upper()} {path}"
    relay = operation.get("x-relay", {})
    _check_relay(relay, place)
    shared = item.get("parameters", [])
    routes = []
    for query, raw in {None: operation, **relay.get("variants", {})}.items():
        if "operationId" not in raw:
            raise CodegenError(f"spec: {place}: an operation or variant without operationId")
        complete = {**raw, "parameters": [*shared, *raw.get("parameters", [])]}
        routes.append(Route(path, upstream_path, method, complete, relay, query))
    return routes


def _check_relay(relay: Any, place: str) -> None:
    if not isinstance(relay, dict) or (unknown := set(relay) - _RELAY_KEYS):
        what = f"unknown keys {sorted(unknown)}" if isinstance(relay, dict) else "an object is expected"
        raise CodegenError(f"spec/overlay.yaml: {place}: x-relay: {what}")
    if relay.get("beta", BETAS[0]) not in BETAS:
        raise CodegenError(f"spec/overlay.yaml: {place}: x-relay: beta is one of {', '.join(BETAS)}")
    if not isinstance(relay.get("handler", ""), str):
        raise CodegenError(f"spec/overlay.yaml: {place}: x-relay: handler is module.function")
    if not isinstance(relay.get("alias", ""), str):
        raise CodegenError(f"spec/overlay.yaml: {place}: x-relay: alias is an id")
    _check_flags(relay, place)
    for key, items in (("ends", "events"), ("takes", "media types")):
        names = relay.get(key, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise CodegenError(f"spec/overlay.yaml: {place}: x-relay: {key} is a list of {items}")
    doors.check(relay.get("door", {}), f"spec/actions.yaml: {place}")
    variants = relay.get("variants", {})
    if not isinstance(variants, dict) or not all(isinstance(raw, dict) for raw in variants.values()):
        raise CodegenError(f"spec/overlay.yaml: {place}: x-relay: variants are operations by query")


def _check_flags(relay: Document, place: str) -> None:
    for key in _FLAGS:
        if relay.get(key, True) is not True:
            raise CodegenError(f"spec/overlay.yaml: {place}: x-relay: {key} is true")
    if "websocket" in relay and not place.startswith("GET "):
        raise CodegenError(f"spec/overlay.yaml: {place}: x-relay: websocket is for GET (RFC 6455, 4.1)")


def _check_whole(document: Document, name: str) -> None:
    """Raise CodegenError unless `document` still has its paths and schemas, and resolves its references."""
    schemas = document.get("components", {}).get("schemas")
    if not isinstance(document.get("paths"), dict) or not isinstance(schemas, dict):
        raise CodegenError(f"{name}: nothing is left of #/paths or #/components/schemas")
    for reference in references(document):
        if not resolves(document, reference):
            raise CodegenError(f"{name}: {reference!r} does not resolve in the merged document")


def references(value: Any) -> Iterator[str]:
    """Every `$ref` in `value`, depth first."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def _mounted(document: Document, routes: list[Route]) -> Document:
    """`document` with absolute paths, one server, and without the generator's own keys.

    A variant stands in `x-query-variants` of the operation that it is one of, under the query that selects
    it: OpenAPI has no place for it (3.1.0, 4.8.8.1).
    """
    paths: Document = {}
    for route in (route for route in routes if not route.hidden):
        operation = copy.deepcopy({k: v for k, v in route.operation.items() if k != "x-relay"})
        if not operation["parameters"]:
            del operation["parameters"]
        if route.query is None:
            paths.setdefault(route.path, {})[route.method] = operation
        else:
            variants = paths[route.path][route.method].setdefault("x-query-variants", {})
            variants[route.query] = operation
    return {**document, "servers": [{"url": "/"}], "paths": dict(sorted(paths.items()))}
