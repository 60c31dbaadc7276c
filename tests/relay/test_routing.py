import asyncio
from typing import Any

import pytest
from connexion import ConnexionMiddleware
from connexion.middleware.routing import RoutingMiddleware
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from connexion.spec import Specification
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from generated.operations import OPERATIONS
from relay.contract import routing_document
from relay.routing import ContractRouting

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
PATHS = sorted({found.path for found in OPERATIONS.values()})
SEGMENTS = st.sampled_from(sorted({part for path in PATHS for part in path.split("/")}))
ODD = st.text("ab{}~.:-_ %é", max_size=4)


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Take the request and say nothing: what was found stands in the scope."""


class LinearRouting(RoutingMiddleware):  # type: ignore[misc]  # Connexion carries no types
    """Connexion's own routing, which tries one pattern after another; without redirects."""

    def add_api(self, specification: Specification, **options: Any) -> None:
        super().add_api(specification, **options)
        mounted = [route.app for route in self.router.routes if isinstance(route, Mount)]
        for router in (self.router, *mounted):
            router.redirect_slashes = False


def routed_by(middleware: type[RoutingMiddleware]) -> ASGIApp:
    app = ConnexionMiddleware(
        nothing,
        middlewares=[middleware],
        resolver=Resolver(lambda _operation_id: nothing),
        swagger_ui_options=SwaggerUIOptions(swagger_ui=False, serve_spec=False),
    )
    app.add_api(routing_document(), base_path="")
    made: ASGIApp = app
    return made


OURS, CONNEXIONS = routed_by(ContractRouting), routed_by(LinearRouting)


def found(app: ASGIApp, method: str, path: str) -> tuple[Any, bool]:
    """The operation id that a request is given, and whether only its method is lacking."""
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "headers": [],
        "query_string": b"",
        "raw_path": path.encode(),
        "extensions": {},
    }

    async def unasked(*_: object) -> Any:
        raise AssertionError

    async def ask() -> None:
        await app(scope, unasked, unasked)

    try:
        asyncio.run(ask())
    except HTTPException as error:
        return None, error.status_code == 405
    routing = scope["extensions"]["connexion_routing"]
    return routing["operation_id"], routing.get("lacks_method", False)


@pytest.mark.parametrize("path", PATHS)
def test_each_path_leads_to_what_connexions_router_finds(path: str) -> None:
    for value in ("x", "compact", "a.b:c"):
        asked = "/".join(value if part.startswith("{") else part for part in path.split("/"))
        for method in METHODS:
            assert found(OURS, method, asked) == found(CONNEXIONS, method, asked)


@example(below="v1/models/", method="GET")
@given(st.lists(SEGMENTS | ODD, max_size=7).map("/".join), st.sampled_from(METHODS))
def test_any_path_leads_to_what_connexions_router_finds(below: str, method: str) -> None:
    assert found(OURS, method, f"/{below}") == found(CONNEXIONS, method, f"/{below}")
