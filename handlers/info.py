"""The relay's own state, for whoever has a key."""

import platform

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from generated.operations import CONTRACT_VERSION
from handlers.health import VERSION
from relay.dispatch import Relay
from relay.setting_table import describe
from relay.settings import Settings

_SHOWN = ("variable", "default", "value")
_MASK = "**********"


async def ping(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 to a key that opens: `RelayPing` in the overlay."""
    alive = {"source": "chatgpt-team-relay", "status": "ok", **_place(relay.settings)}
    await JSONResponse(alive)(scope, receive, send)


async def get_flat(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with what this relay is: `RelayInfo` in the overlay."""
    settings = relay.settings
    names = {"relay_name": settings.relay_name, "base_openai_api": settings.openai_api_base}
    await JSONResponse({**names, **_place(settings)})(scope, receive, send)


async def get_nested(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with this relay and its upstream: `RelayInfoNested` in the overlay."""
    settings = relay.settings
    info = {
        "type": "relay.info",
        "relay": {"name": settings.relay_name, **_place(settings)},
        "upstream": {"base_url": settings.openai_api_base, "default_model": settings.default_model},
    }
    await JSONResponse(info)(scope, receive, send)


async def get_system(relay: Relay, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with versions and settings: `RelaySystem` in the overlay.

    Secrets are masked, and so are the places of the files that hold them: clients have no business there.
    """
    rows = [{name: row[name] for name in _SHOWN} for row in describe(relay.settings)]
    for row in rows:
        if row["variable"].endswith("_FILE") and row["value"] != row["default"]:
            row["value"] = _MASK
    about = {"version": VERSION, "python": platform.python_version(), "contract_version": CONTRACT_VERSION}
    await JSONResponse({"object": "relay.system", **about, "settings": rows})(scope, receive, send)


def _place(settings: Settings) -> dict[str, str]:
    return {"app_mode": settings.app_mode, "environment": settings.environment}
