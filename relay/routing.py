"""Connexion's routing, without redirects: a path is served as it was sent or not at all."""

from collections.abc import Callable
from typing import Any

from connexion.middleware.routing import RoutingMiddleware
from connexion.spec import Specification
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from relay.errors import TABLE, MethodNotAllowed


class ContractRouting(RoutingMiddleware):  # type: ignore[misc]  # Connexion carries no types
    """Finds the operation for a request, or none; raises MethodNotAllowed for a method its path lacks.

    Security comes after routing, so `admit` checks the key of who is told what a path's methods are.
    """

    def __init__(self, app: ASGIApp, *, admit: Callable[[Scope], None] | None = None) -> None:
        super().__init__(app)
        self._admit = admit

    def add_api(self, specification: Specification, **options: Any) -> None:
        """Add the routing document, and do without Starlette's redirect of a trailing slash."""
        super().add_api(specification, **options)
        for router in (self.router, *self._mounted()):
            router.redirect_slashes = False

    def _mounted(self) -> list[Router]:
        mounts = [route.app for route in self.router.routes if isinstance(route, Mount)]
        return [app for app in mounts if isinstance(app, Router)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route the request, and say every method that its path has when it has another one."""
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            if error.status_code != TABLE[MethodNotAllowed].status:
                raise
            if self._admit is not None:
                self._admit(scope)
            allow = ", ".join(sorted(self._methods(scope)))
            message = f"Not allowed to {scope['method']} on {scope['path']}; allowed: {allow}"
            raise MethodNotAllowed(message, headers={"Allow": allow}) from None

    def _methods(self, scope: Scope) -> set[str]:
        # Starlette knows the methods of one route, and each operation is a route of its own.
        routes = [route for router in self._mounted() for route in router.routes if isinstance(route, Route)]
        return {
            method
            for route in routes
            if route.matches(scope)[0] is not Match.NONE
            for method in route.methods or ()
        }
