"""The tables of the runtime as Python source, and Connexion's routing document."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2

from codegen import ends, known
from codegen.bodies import Schemas, Shape, json_schema_of, name_of
from codegen.contract import Contract, Document, Route
from codegen.errors import CodegenError

_JSON = "application/json"
_EVERY_TYPE = ("array", "boolean", "integer", "null", "number", "object", "string")
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - the templates make Python, and `py` is what escapes
)
_TEMPLATES.filters["py"] = repr


def operations(contract: Contract, handlers: Path) -> str:
    """The source of `generated/operations.py`.

    Raises CodegenError for a handler, event or model that is none, and for what the proxy cannot serve.
    """
    components = contract.document["components"]["schemas"]
    rows = [facts_of(route) | {"models": known.models(route, components)} for route in contract.routes]
    for route in contract.routes:
        ends.check(route, components)
    for row in rows:
        if row["handler"] is not None:
            _check_handler(handlers, row["handler"], row["operation_id"])
        if row["proxy"]:
            _check_proxied(row)
    return _rendered("operations.py.j2", rows=rows, contract_version=version(contract.lock))


def doors(contract: Contract, schemas: Schemas) -> str:
    """The source of `generated/doors.py`."""
    narrowing = contract.actions.get("narrowing", [])
    rows = [_door(contract, route, schemas, narrowing) for route in contract.routes if "door" in route.relay]
    return _rendered("doors.py.j2", rows=[row for row in rows if row is not None])


def _reader(contract: Contract, door: Route) -> str | None:
    """The operation that reads one of what the operation behind `door` makes."""
    shape = re.compile(re.escape(str(door.upstream_path)) + r"/\{[^/]+\}")
    readers = [
        route.operation_id
        for route in contract.routes
        if route.method == "get" and route.alias_of is None and shape.fullmatch(route.upstream_path or "")
    ]
    return next(iter(readers), None)


def _door(contract: Contract, route: Route, schemas: Schemas, narrowing: list[str]) -> Document | None:
    if route.alias_of is None:
        return None
    door = route.relay["door"]
    schema = json_schema_of(route)
    fields = {} if schema is None else schemas.shape(schema).fields
    named = {parameter["name"] for parameter in route.operation["parameters"] if "name" in parameter}
    return {
        "operation_id": route.operation_id,
        "wraps": route.alias_of,
        "body_model": name_of(route) if door["strict"] else None,
        "files": door["files"],
        "answers_file": door["file"],
        "encoded": door["encoded"],
        "polled_by": _reader(contract, route) if "boolean" in fields.get("background", ()) else None,
        "narrowed_by": tuple(name for name in narrowing if name in named or name in fields),
    }


def bodies(schemas: Schemas) -> str:
    """The source of `generated/bodies.py`."""
    shapes = [(name, _body(schemas.shape(schema))) for name, schema in sorted(schemas.bodies.items())]
    return _rendered("bodies.py.j2", bodies=shapes)


def routing(contract: Contract) -> Document:
    """The OpenAPI 3.0.3 document for Connexion, which takes no 3.1: routes and security, no schemas.

    Connexion matches in document order, so literal segments come before templated ones.
    """
    paths: Document = {}
    plain = [route for route in contract.routes if route.query is None]
    for route in sorted(plain, key=lambda route: [("{" in part, part) for part in route.path.split("/")]):
        paths.setdefault(route.path, {})[route.method] = _routed(route)
    return {
        "openapi": "3.0.3",
        "info": {"title": "Connexion's routing document", "version": version(contract.lock)},
        "security": [{"RelayKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"RelayKey": {"type": "apiKey", "in": "header", "name": "X-Relay-Key"}}
        },
    }


def _routed(route: Route) -> Document:
    parameters = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in route.path.split("/")
        if part.startswith("{")
    ]
    operation: Document = {
        "operationId": route.operation_id,
        "responses": {"default": {"description": "any"}},
    }
    if parameters:
        operation["parameters"] = parameters
    if taken := _request_media_types(route):
        operation["requestBody"] = {"content": {name: {} for name in taken}}
    if _is_public(route):
        operation["security"] = []
    return operation


def facts_of(route: Route) -> dict[str, Any]:
    """The members of the operation table's row for `route`, by name."""
    operation = route.operation
    answers = _response_media_types(route)
    streams = ends.EVENT_STREAM in answers
    variants = route.relay.get("variants", {}) if route.query is None else {}
    is_door = route.alias_of is not None and "door" in route.relay
    is_strict = is_door and route.relay["door"]["strict"]
    return {
        "operation_id": route.operation_id,
        "method": route.method.upper(),
        "path": route.path,
        "upstream_path": route.upstream_path,
        "alias_of": route.alias_of,
        "query": route.query,
        "variants": tuple((query, raw["operationId"]) for query, raw in variants.items()),
        "handler": route.relay.get("handler"),
        "beta": route.relay.get("beta"),
        "request_media_types": _request_media_types(route),
        "response_media_types": answers,
        "streams": streams,
        "ends": tuple(route.relay.get("ends", ())) if streams else (),
        # What a door is strict about, it judges itself: its body may be larger than others that are judged.
        "body_model": None if is_strict else name_of(route),
        # What a door passes on is judged as the request to the operation behind it.
        "judged_by_handler": is_door or bool(route.relay.get("takes")),
        "body_required": operation.get("requestBody", {}).get("required", False),
        "tags": tuple(operation.get("tags", [])),
        "public": _is_public(route),
        "proxy": bool(route.relay.get("proxy")) and route.alias_of is None,
        "websocket": bool(route.relay.get("websocket")),
        "client_secret": bool(route.relay.get("client_secret")) and not is_door,
        "deprecated": operation.get("deprecated", False),
    }


def _is_public(route: Route) -> bool:
    return route.operation.get("security") == []


def _request_media_types(route: Route) -> tuple[str, ...]:
    content = route.operation.get("requestBody", {}).get("content", {})
    return tuple(dict.fromkeys([*map(str.lower, content), *route.relay.get("takes", ())]))


def _response_media_types(route: Route) -> tuple[str, ...]:
    answers = route.operation.get("responses", {})
    return tuple(
        sorted(
            {name for code, answer in answers.items() if code < "300" for name in answer.get("content", {})}
        )
    )


def _body(shape: Shape) -> dict[str, Any]:
    return {
        "types": tuple(sorted(shape.types)) if shape.types is not None else _EVERY_TYPE,
        "required": tuple(sorted(shape.required)),
        "fields": {name: tuple(sorted(types)) for name, types in sorted(shape.fields.items())},
    }


def version(lock: Document) -> str:
    """The contract's version and its state, as `lock` records them."""
    state = lock["date"] or lock["commit"] or lock["source_sha256"][:12]
    return f"{lock['version']}+{state}"


def _check_handler(handlers: Path, name: str, operation_id: str) -> None:
    module, _, function = name.partition(".")
    path = handlers / f"{module}.py"
    names: set[str] = set()
    if path.is_file():
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = {node.name for node in body if isinstance(node, ast.AsyncFunctionDef)}
    if function not in names:
        raise CodegenError(f"spec/overlay.yaml: {operation_id}: no async function {function!r} in {path}")


def _check_proxied(row: dict[str, Any]) -> None:
    """Raise CodegenError unless JSON or nothing goes up, and JSON or nothing comes back, in one answer."""
    place = f"spec/actions.yaml: {row['operation_id']}: x-relay: proxy"
    if row["upstream_path"] is None:
        raise CodegenError(f"{place}: it is the relay's own, and the proxy reaches the upstream's alone")
    if row["websocket"]:
        raise CodegenError(f"{place}: it is a WebSocket, and the proxy gives one answer")
    for what, names in (("takes", row["request_media_types"]), ("answers", row["response_media_types"])):
        if names and _JSON not in names:
            raise CodegenError(f"{place}: it {what} {' or '.join(names)}, and the proxy JSON alone")


def _rendered(template: str, **values: Any) -> str:
    return _TEMPLATES.get_template(template).render(**values)


def formatted(source: str) -> str:
    """`source` as ruff formats it, independent of any configuration."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=110", "-"]
    run = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise CodegenError(
            f"generated: ruff cannot format what was generated: {run.stderr.strip().splitlines()[0]}"
        )
    return run.stdout
