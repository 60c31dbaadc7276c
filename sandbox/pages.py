"""Lists: which operations answer one, and the page of it that a request asks for."""

import json
from typing import Any

from sandbox import errors
from sandbox.bodies import JsonObject
from sandbox.call import Call
from sandbox.contract import Operation
from sandbox.errors import ApiError
from sandbox.render import flattened, render, valid
from sandbox.store import Resource

_ORDERS = ["asc", "desc"]
_PAGING = frozenset({"limit", "after", "before", "order"})
_LIMIT = 20
_MAX_LIMIT = 100


def items_of(operation: Operation) -> str | None:
    """Return the field of an operation's answer that holds the items of a list, ``data`` first of all."""
    known = flattened(operation.answer or {}).get("properties", {})
    arrays = [name for name, schema in known.items() if flattened(schema).get("type") == "array"]
    return "data" if "data" in arrays else next(iter(arrays), None)


def lists(operation: Operation) -> bool:
    """Whether an operation answers a list of resources."""
    return items_of(operation) == "data" and "id" not in flattened(operation.answer or {}).get(
        "properties", {}
    )


def page(call: Call, resources: list[Resource]) -> JsonObject:
    """Return the facts of the page that the query asks for, of ``resources`` given oldest first.

    ``order`` is as the contract says where the query is silent, newest first where that is silent too. A
    further parameter keeps the resources whose fact of that name is equal. ``before`` gives what stands
    right before its item, ``more`` is then on that side. 400 for what cannot be.
    """
    kept = [resource for resource in resources if _matches(call, resource)]
    if _order(call).startswith("desc"):
        kept.reverse()
    kept = _after(kept, call.query.get("after"), "after")
    limit = _limit(call)
    shown = kept[:limit]
    if before := call.query.get("before"):
        kept = _after(kept[::-1], before, "before")[::-1]
        shown = kept[max(len(kept) - limit, 0) :]
    return listed(call, [resource.facts for resource in shown], more=len(kept) > limit)


def listed(call: Call, items: list[JsonObject], *, more: bool = False) -> JsonObject:
    """Return the facts of a list of items; ``more`` are on further pages."""
    known = flattened(call.operation.answer or {}).get("properties", {})
    first, schema = known.get("first_id", {}), flattened(known.get("data", {})).get("items", {})
    ids = [item.get("id") for item in items] or [None if valid(first, None) else ""]
    return {
        "object": "list",
        "data": [render(schema, item) for item in items],
        "first_id": ids[0],
        "last_id": ids[-1],
        "has_more": more,
        "next": ids[-1] if more else None,
    }


def _matches(call: Call, resource: Resource) -> bool:
    wanted = {name: value for name, value in call.query.items() if name in call.operation.parameters}
    return all(
        _told(resource.facts.get(name, value)) == value
        for name, value in wanted.items()
        if name not in _PAGING
    )


def _told(fact: object) -> str | None:
    """A fact in the words of a query; null has none."""
    return fact if fact is None or isinstance(fact, str) else json.dumps(fact)


def _order(call: Call) -> str:
    schema = flattened(call.operation.parameters.get("order", {}))
    order = str(call.query.get("order", schema.get("default", "desc")))
    orders = schema.get("enum", _ORDERS)
    if order not in orders:
        raise errors.unsupported("order", order, tuple(orders))
    return order


def _limit(call: Call) -> int:
    schema = flattened(call.operation.parameters.get("limit", {}))
    default, high = schema.get("default", _LIMIT), schema.get("maximum", _MAX_LIMIT)
    return call.number("limit", default, schema.get("minimum", 1), max(high, default))


def _after(resources: list[Resource], name: str | None, parameter: str) -> list[Any]:
    if not name:
        return resources
    for index, resource in enumerate(resources):
        # The id that an answer shows may be another than the one that paths name.
        if name in (resource.id, resource.facts.get("id")):
            return resources[index + 1 :]
    raise ApiError(400, f"Invalid '{parameter}': no item with id '{name[:200]}'.", param=parameter)
