"""Operations that no request could tell apart: one id twice, or one path twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.errors import CodegenError

if TYPE_CHECKING:
    from codegen.contract import Route


def check(routes: list[Route]) -> None:
    """Raise CodegenError for the first operation that collides with one before it; both are named.

    Paths that differ in the names of their parameters alone are one path (OpenAPI 3.1.1, 4.8.8.2).
    """
    ids: dict[str, str] = {}
    places: dict[tuple[str, str, str | None], str] = {}
    paths: dict[str, str] = {}
    for route in routes:
        place = f"{route.method.upper()} {route.path}"
        if route.operation_id in ids:
            first = ids[route.operation_id]
            raise CodegenError(f"spec: operationId {route.operation_id!r} at {place} is taken by {first}")
        shape = re.sub(r"\{[^}]*\}", "{}", route.path)
        key = (route.method, shape, route.query)
        if key in places:
            raise CodegenError(f"spec: {place} ({route.operation_id}) collides with {places[key]}")
        if paths.setdefault(shape, route.path) != route.path:
            raise CodegenError(f"spec: {place} ({route.operation_id}) is the path {paths[shape]} as well")
        ids[route.operation_id], places[key] = place, f"{place} ({route.operation_id})"
