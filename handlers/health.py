"""Health, for people, probes and load balancers."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import Receive, Scope, Send

from generated.operations import CONTRACT_VERSION, OPERATIONS
from relay.auth import AUTH_HEADER
from relay.connection import connection_of
from relay.dispatch import Relay
from relay.documents import joined
from relay.pages.accept import prefers_page
from relay.pages.static import STATUS_FIELDS
from relay.pages.status import render

_UPSTREAM_OPERATIONS = sum(bool(found.upstream_path and not found.alias_of) for found in OPERATIONS.values())
VERSION = version("chatgpt-team-relay")


async def get_root(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the status page where Accept prefers HTML, else with the state: `RelayHealth`."""
    fields = {"vary": "Accept"}
    if not prefers_page(joined(scope, b"accept")):
        await JSONResponse(state(relay), headers=fields)(scope, receive, send)
        return
    reached = await relay.reach.reached(relay.forwarder.upstream)
    page = render(relay.settings, scope, state(relay), reached=reached)
    await HTMLResponse(page, headers=fields | STATUS_FIELDS)(scope, receive, send)


async def get_health(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with the state of this relay: `RelayHealth` in the overlay."""
    await JSONResponse(state(relay))(scope, receive, send)


def state(relay: Relay) -> dict[str, Any]:
    """What `RelayHealth` in the overlay describes."""
    settings = relay.settings
    return {
        "object": "health",
        "status": "ok",
        "environment": settings.environment,
        "default_model": settings.default_model,
        "timestamp": datetime.now(UTC).isoformat(),
        "relay": {
            "name": settings.relay_name,
            "version": VERSION,
            "app_mode": settings.app_mode,
            "auth_enabled": settings.auth_enabled,
            "auth_header": AUTH_HEADER,
            "relay_key_configured": relay.keys.configured,
        },
        "openai": {"base_url": settings.openai_api_base, "api_key_configured": bool(relay.upstream_key.text)},
        "meta": {
            "contract_version": CONTRACT_VERSION,
            "operations": _UPSTREAM_OPERATIONS,
            "validation_reports": relay.metrics.reports.total(),
            "truncated_streams": relay.metrics.truncated.total(),
        },
    }


async def get_live(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 200 as long as the process can answer."""
    await JSONResponse({"object": "live", "status": "ok"})(scope, receive, send)


async def get_ready(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 when requests can be forwarded, 503 without a key for them and while the relay drains.

    The upstream is not asked: one that is down would take every replica away at once, and its errors are news
    that clients can use.
    """
    status = "ok" if relay.upstream_key.text else "upstream_key_missing"
    if connection_of(scope).traffic.draining:
        status = "draining"
    told = {"object": "ready", "status": status}
    await JSONResponse(told, 200 if status == "ok" else 503)(scope, receive, send)
