"""Connexion's routing in constant time, without redirects: a path is served as it was sent or not at all."""

from typing import Any, TypeAlias

from connexion.middleware.abstract import ROUTING_CONTEXT
from connexion.middleware.routing import RoutingMiddleware, RoutingOperation
from connexion.spec import Specification
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

_PARAMETER = "{}"
# A place in the contract: what may follow by segment, and the operation ids by method.
_Node: TypeAlias = "tuple[dict[str, _Node], dict[str, str]]"


class ContractRouting(RoutingMiddleware):  # type: ignore[misc]  # Connexion carries no types
    """Finds the operation for a request, or none, and marks the scope where only the method is lacking.

    Connexion makes the routes from the document; they are found here by their segments, one step each,
    where its router tries them one after another. A segment that is named comes before a parameter.
    Security comes next: who has no key is not told which paths and methods there are.
    """

    def add_api(self, specification: Specification, **options: Any) -> None:
        """Add the routing document."""
        super().add_api(specification, **options)
        self._root: _Node = ({}, {})
        self._named: dict[tuple[str, str], str] = {}
        for route in _routes(self.router.routes):
            node = self._root
            for segment in route.path.split("/"):
                whole = segment.startswith("{") and segment.endswith("}")
                if "{" in segment and not whole:
                    raise ValueError(f"a parameter is only a part of a segment: {route.path}")
                node = node[0].setdefault(_PARAMETER if whole else segment, ({}, {}))
            # Of two places that differ in the names of their parameters alone, the first one counts.
            operation: RoutingOperation = route.endpoint
            for method in route.methods or ():
                node[1].setdefault(method, operation.operation_id)
                if "{" not in route.path:
                    self._named.setdefault((route.path, method), operation.operation_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route the request."""
        if scope["type"] == "http":
            operation_id, lacks_method = self._find(scope["path"], scope["method"])
            found = {"api_base_path": "", "operation_id": operation_id, "lacks_method": lacks_method}
            scope["extensions"][ROUTING_CONTEXT] = found
        await self.app(scope, receive, send)

    def _find(self, path: str, method: str) -> tuple[str | None, bool]:
        """The operation's id, and whether it is none because of the method alone."""
        if (named := self._named.get((path, method))) is not None:
            return named, False
        nodes = [self._root]
        for segment in path.split("/"):
            # Both readings of a segment are followed: hardly ever is there more than one.
            nodes = [
                follower
                for followers, _ in nodes
                for name in ((segment, _PARAMETER) if segment else (segment,))
                if (follower := followers.get(name)) is not None
            ]
        for _, methods in nodes:
            if method in methods:
                return methods[method], False
        return None, any(methods for _, methods in nodes)


def _routes(routes: list[BaseRoute]) -> list[Route]:
    found: list[Route] = []
    for route in routes:
        if isinstance(route, Mount) and isinstance(route.app, Router):
            found += _routes(route.app.routes)
        elif isinstance(route, Route):
            found.append(route)
    return found
