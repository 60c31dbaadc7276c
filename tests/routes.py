"""From a request line to the operation of the contract that it calls."""

import re

from generated.operations import OPERATIONS


def operation_of(method: str, path: str) -> str | None:
    """The id of the operation that serves `method` on `path` (without query), literal segments first."""
    found = [
        operation
        for operation in OPERATIONS.values()
        if operation.query is None
        and operation.method == method
        and re.fullmatch(re.sub(r"\\\{.+?\\\}", "[^/]+", re.escape(operation.path)), path)
    ]
    found.sort(key=lambda operation: operation.path.count("{"))
    return found[0].operation_id if found else None
