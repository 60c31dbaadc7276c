"""Flow C: the served OpenAPI document names each operation once."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from acceptance.answer import Unmet, member
from acceptance.flow import Run

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def run(run: Run) -> None:
    """Show the flow; raises Stopped."""
    with run.step("the served OpenAPI document has no operationId twice") as row:
        answer = run.client.send("GET", "//openapi.json").succeeded()
        paths = answer.at("paths")
        names = list(_names(answer.request, paths))
        if not names:
            raise Unmet(f"{answer.request}: operations", "none")
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise Unmet(f"{answer.request}: each operationId once", f"more than once: {', '.join(twice)}")
        row.detail = f"{len(names)} operations"


def _names(request: str, paths: Any) -> Iterator[str]:
    items = paths.values() if isinstance(paths, dict) else ()
    for item in items:
        for method in _METHODS:
            if isinstance(item, dict) and method in item:
                yield str(member(request, item, method, "operationId"))
