"""What this relay serves, by groups of paths."""

from functools import cache
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from generated.operations import OPERATIONS
from relay.actions.documents import groups, public_url
from relay.auth import AUTH_HEADER
from relay.dispatch import Relay

# Groups that go by another name than the first segment of their paths.
_NAMES = {
    "": "health",
    "live": "health",
    "ready": "health",
    "realtime": "realtime_http",
    ".well-known": "plugin",
}
_COMPACT = "/v1/responses/compact"
_SOCKETS = "realtime_ws"


async def get_manifest(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the paths and how to reach them: `RelayManifest` in the overlay."""
    settings = relay.settings
    meta: dict[str, Any] = {
        "relay_name": settings.relay_name,
        "auth_required": settings.auth_enabled,
        "auth_header": AUTH_HEADER,
        "upstream_base_url": settings.openai_api_base,
        "actions_openapi_url": f"{public_url(settings, scope)}/openapi.actions.json",
        "actions_openapi_groups": groups(),
    }
    told = {"endpoints": _endpoints(), "meta": meta}
    await JSONResponse({"object": "relay.manifest", **told, "data": told})(scope, receive, send)


@cache
def _endpoints() -> dict[str, list[str]]:
    """Every path that is served, in exactly one group."""
    found: dict[str, list[str]] = {}
    plain = {operation.path for operation in OPERATIONS.values() if not operation.websocket}
    for path in sorted({operation.path for operation in OPERATIONS.values()}):
        found.setdefault(_group(path) if path in plain else _SOCKETS, []).append(path)
    return found


def _group(path: str) -> str:
    if path == _COMPACT:
        return "responses_compact"
    first, *more = path.removeprefix("/v1").removeprefix("/").split("/")
    if first == "actions" and more and more[0] in _families():
        return f"{more[0]}_actions"
    # /openapi.yaml stands beside /openapi.json, and /responses:stream beside /responses.
    return _NAMES.get(first) or first.partition(":")[0].partition(".")[0]


@cache
def _families() -> frozenset[str]:
    """The first segments of the upstream's paths."""
    paths = (operation.upstream_path for operation in OPERATIONS.values())
    return frozenset(path.split("/")[1] for path in paths if path is not None)
