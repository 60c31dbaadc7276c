"""What `POST /v1/proxy` reaches: the operations that the overlay marks, whatever else routing finds."""

from starlette.types import Scope

from generated.operations import OPERATIONS, Operation
from relay.errors import Forbidden

_PROXY = "proxyRequest"
# No client can say this: a scope's extensions are the server's (ASGI 3.0, "Extensions").
_MARK = "relay.proxied"
_JSON = "application/json"
_REACHED_TAGS = frozenset(tag for found in OPERATIONS.values() if found.proxy for tag in found.tags)


def mark(scope: Scope) -> Scope:
    """`scope`, held from now on to what the proxy reaches."""
    scope["extensions"][_MARK] = True
    return scope


def check_reach(scope: Scope, operation: Operation | None) -> None:
    """Raise Forbidden for a marked request unless the operation that routing found is open to the proxy."""
    if _MARK not in scope["extensions"] or (operation is not None and operation.proxy):
        return
    asked = f"{scope['method']} {scope['path']}"
    raise not_allowed(f"The proxy does not reach {asked}: {_why(operation)}", "path")


def not_allowed(message: str, param: str) -> Forbidden:
    """The refusal of what the proxy does not do, by `param` of its envelope."""
    return Forbidden(message, param=param, code="operation_not_allowed")


def _why(found: Operation | None) -> str:
    if found is None:
        return "no operation of the contract has this method and path"
    taken, answers = found.request_media_types, found.response_media_types
    reasons = (
        (found.operation_id == _PROXY, "it is the proxy itself"),
        (found.upstream_path is None, "it is the relay's own"),
        (found.alias_of is not None, f"it is another name of {found.upstream_path}"),
        (taken and _JSON not in taken, f"its body is {' or '.join(taken)}"),
        (answers and _JSON not in answers, "its answer is content, and no JSON"),
        (
            found.tags and _REACHED_TAGS.isdisjoint(found.tags),
            f"no operation of '{' or '.join(found.tags)}' is among those that it reaches",
        ),
        (True, "it is not among the operations that it reaches"),
    )
    return next(why for holds, why in reasons if holds)
