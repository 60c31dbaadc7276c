"""Which operations were answered with success, through which client."""

# The status of a WebSocket that was opened (RFC 6455, 4.2.2).
_SWITCHED = 101
_SEEN: dict[str, set[str]] = {}


def record(operation_id: str, client: str, status: int) -> None:
    """Take note that `client` called an operation and what status came; only 2xx and 101 count."""
    if status == _SWITCHED or 200 <= status < 300:
        _SEEN.setdefault(operation_id, set()).add(client)


def add(found: dict[str, list[str]]) -> None:
    """Take over what another process has seen, as its `seen` gives it."""
    for operation, clients in found.items():
        _SEEN.setdefault(operation, set()).update(clients)


def seen() -> dict[str, list[str]]:
    """The clients by operation id, both sorted."""
    return {operation: sorted(_SEEN[operation]) for operation in sorted(_SEEN)}
