"""The status page: what a person wants to know of this relay, and how each client connects to it."""

from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined, Template
from starlette.types import Scope

from relay.actions.documents import public_url
from relay.settings import Settings


def render(settings: Settings, scope: Scope, state: dict[str, Any], *, reached: bool | None) -> str:
    """The page as HTML. `state` is what `RelayHealth` in the overlay describes.

    `reached` says whether the upstream was; None is unknown. Whatever a setting or a client's Host holds, is
    text on the page and never markup.
    """
    address = _address(settings, scope)
    return _template().render(
        state=state,
        address=address,
        fixed=settings.relay_public_url is not None,
        sockets=settings.relay_realtime_ws_enabled,
        socket_address="ws" + address.removeprefix("http"),
        realtime_model=settings.realtime_model,
        upstream="the sandbox" if settings.uses_sandbox else urlsplit(settings.openai_api_base).netloc,
        reached=reached,
    )


def _address(settings: Settings, scope: Scope) -> str:
    """Where the browser reached this relay, as far as its request tells; RELAY_PUBLIC_URL wins.

    What ends TLS before the relay is not told of by the connection: the page's script knows, and says so.
    """
    address = public_url(settings, scope)
    if settings.relay_public_url is not None or scope["scheme"] == "https":
        return address
    return "http" + address.removeprefix("https")


@cache
def _template() -> Template:
    text = (files("relay.pages") / "templates" / "status.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text)
