"""Connexion's routing, without redirects: a path is served as it was sent or not at all."""

from typing import Any

from connexion.middleware.routing import RoutingMiddleware
from connexion.spec import Specification
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Router
from starlette.types import Receive, Scope, Send

from relay.errors import TABLE, MethodNotAllowed


class ContractRouting(RoutingMiddleware):  # type: ignore[misc]  # Connexion carries no types
    """Finds the operation for a request, or none, and marks the scope where only the method is lacking.

    Security comes next: who has no key is not told which paths and methods there are.
    """

    def add_api(self, specification: Specification, **options: Any) -> None:
        """Add the routing document, and do without Starlette's redirect of a trailing slash."""
        super().add_api(specification, **options)
        mounts = [route.app for route in self.router.routes if isinstance(route, Mount)]
        for router in (self.router, *(app for app in mounts if isinstance(app, Router))):
            router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route the request."""
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            if error.status_code != TABLE[MethodNotAllowed].status:
                raise
        else:
            return
        found = {"api_base_path": "", "operation_id": None, "lacks_method": True}
        scope["extensions"]["connexion_routing"] = found
        await self.app(scope, receive, send)
