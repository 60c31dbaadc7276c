"""Every route as the runtime serves it: read from its own tables, and asked of its own guard."""

import asyncio
import json
from functools import cache
from typing import Any

from starlette.types import Scope

from acceptance.routes import Row
from generated.doors import DOORS
from generated.operations import OPERATIONS, Operation
from relay.actions import documents
from relay.errors import Forbidden
from relay.guard import Guard
from relay.judge import Judge
from relay.settings import Settings

_PROXY = "proxy"
# A name in a path that no glob over ids is likely to mean.
_SOMETHING = "_"


def rows(settings: Settings) -> list[Row]:
    """Every route, by path and method; raises SettingsError for globs that block nothing there is."""
    blocked = asyncio.run(_blocked(settings))
    found = [
        Row(
            one.method,
            _path(one),
            one.operation_id,
            _served(one),
            _judged(one, settings),
            _doors(one),
            _refused(one, blocked, settings),
            one.tags,
        )
        for one in OPERATIONS.values()
    ]
    return sorted(found, key=lambda row: (row.path, row.method, row.operation))


def known_doors() -> tuple[str, ...]:
    """The names of what reaches operations: the proxy, and the groups of Actions documents."""
    return (_PROXY, *documents.groups())


async def _blocked(settings: Settings) -> set[str]:
    """The ids of the operations that the guard refuses, each asked for by its path."""

    async def nothing(*_: object) -> Any:
        return None

    guard, refused = Guard(nothing, settings), set()
    for operation in OPERATIONS.values():
        try:
            await guard(_scope(operation), nothing, nothing)
        except Forbidden:
            refused.add(operation.operation_id)
    return refused


def _scope(operation: Operation) -> Scope:
    """A request for `operation` as routing hands it on."""
    path = "/".join(_SOMETHING if part.startswith("{") else part for part in operation.path.split("/"))
    routed = _plain().get(operation.operation_id, operation.operation_id)
    return {
        "type": "http",
        "method": operation.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": (operation.query or "").encode(),
        "headers": [],
        "extensions": {"connexion_routing": {"operation_id": routed, "lacks_method": False}},
    }


@cache
def _plain() -> dict[str, str]:
    """The operation that routing finds, by the id of a variant of it."""
    return {named: found.operation_id for found in OPERATIONS.values() for _, named in found.variants}


def _path(operation: Operation) -> str:
    return operation.path + (f"?{operation.query}" if operation.query else "")


def _served(operation: Operation) -> str:
    served = "forwarded" if operation.handler is None else operation.handler
    return f"{served}, WebSocket" if operation.websocket else served


def _judged(operation: Operation, settings: Settings) -> str:
    if operation.judged_by_handler:
        return "by its handler"
    strength = settings.relay_validation
    return strength if Judge(strength).judges(operation) else ""


def _refused(operation: Operation, blocked: set[str], settings: Settings) -> str:
    if operation.operation_id in blocked:
        return "RELAY_BLOCKED_OPERATIONS"
    off = operation.websocket and not settings.relay_realtime_ws_enabled
    return "RELAY_REALTIME_WS_ENABLED" if off else ""


def _doors(operation: Operation) -> tuple[str, ...]:
    behind = [
        OPERATIONS[door.operation_id] for door in DOORS.values() if door.wraps == operation.operation_id
    ]
    grouped = _grouped()
    named = {group for found in (operation, *behind) for group in grouped.get((found.method, found.path), ())}
    proxy = [_PROXY] if operation.proxy else []
    return (*proxy, *(found.path for found in behind), *sorted(named))


@cache
def _grouped() -> dict[tuple[str, str], list[str]]:
    """The Actions documents that have an operation, by its method and path."""
    found: dict[tuple[str, str], list[str]] = {}
    for group in documents.groups():
        made = documents.document(group, "json", "").make("identity")
        for path, methods in json.loads(made.content)["paths"].items():
            for method in methods:
                found.setdefault((method.upper(), path), []).append(group)
    return found
