"""The coverage matrix: what becomes of each operation, and which clients got an answer from it in the tests.

What Actions may use says in which groups, and through which door; what they may not says why.

The evidence is what the test run recorded: `{operationId: [client, …]}`, answers of 2xx alone. The upstream
of the tests is the sandbox, so an operation with evidence is one that the sandbox answers.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from codegen import tables
from codegen.actions import groups
from codegen.actions.groups import Actions
from codegen.contract import Contract, Document, Route
from codegen.errors import CodegenError

CLIENTS = ("contract", "openai-python", "openai-node", "check")
_COLUMNS = (
    "operation",
    "request",
    "served",
    "in",
    "out",
    "streams",
    "judged",
    "sandbox",
    "clients",
    "proxy",
    "actions",
    "door",
)
_NO_GROUP = "in no group yet"
_VARIANT = "a variant, by the query"
_WEBSOCKET = "websocket"
_OWN = "The relay's own operations, and other names"
_SHORT = {
    "application/json": "json",
    "multipart/form-data": "multipart",
    "text/event-stream": "events",
    "application/octet-stream": "binary",
}


def matrix(contract: Contract, evidence: Document) -> Document:
    """The matrix as JSON: totals, and a row for each operation by its id; raises CodegenError."""
    _check(evidence)
    actions = groups.read(contract)
    used = {name for group in actions.groups for name in group.operations}
    doors = {name: groups.door_of(contract, name).path for name in used}
    rows = {
        route.operation_id: _row(route, evidence) | _actions(route, actions, doors)
        for route in contract.routes
    }
    return {
        "contract_version": tables.version(contract.lock),
        "totals": _totals(row for row in rows.values() if row["upstream"]),
        "operations": rows,
    }


def page(matrix: Document, header: str) -> str:
    """The matrix as Markdown below `header`: totals, a table for each tag, one of the relay's operations."""
    lines = [header, "# Coverage", "", f"Of the contract {matrix['contract_version']}.", ""]
    lines += _table(("upstream operations", "count"), matrix["totals"].items())
    sections: dict[str, list[tuple[str, ...]]] = {}
    rows = matrix["operations"].items()
    for name, row in sorted(rows, key=lambda item: (not item[1]["upstream"], item[1]["group"].lower())):
        section = row["group"] if row["upstream"] else _OWN
        sections.setdefault(section, []).append(_cells(name, row))
    for section, cells in sections.items():
        lines += ["", f"## {section}", "", *_table(_COLUMNS, cells)]
    return "\n".join(lines) + "\n"


def _check(evidence: Document) -> None:
    for name, clients in evidence.items():
        if not isinstance(clients, list) or not all(client in CLIENTS for client in clients):
            known = ", ".join(CLIENTS)
            raise CodegenError(f"tests/evidence.json: {name}: clients are a list of {known}")


def _row(route: Route, evidence: Document) -> Document:
    facts = tables.facts_of(route)
    tags = facts["tags"]
    query = f"?{facts['query']}" if facts["query"] else ""
    clients = [client for client in CLIENTS if client in evidence.get(route.operation_id, [])]
    alias_of = facts.get("alias_of")
    own = facts["upstream_path"] is None
    return {
        "method": facts["method"],
        "path": facts["path"] + query,
        # What OpenAI's document leaves without a tag is found by its path.
        "group": tags[0] if tags else f"/{(facts['upstream_path'] or facts['path']).split('/')[1]}",
        "upstream": not own and alias_of is None,
        "alias_of": alias_of,
        "served": "handled" if facts["handler"] else "forwarded",
        "handler": facts["handler"],
        "request_media_types": list(facts["request_media_types"]),
        "response_media_types": list(facts["response_media_types"]),
        "websocket": facts["websocket"],
        "streams": facts["streams"],
        "body_model": facts["body_model"],
        "sandbox": None if own else bool(clients),
        "clients": clients,
        # An alias has its original's flags, and the proxy reaches originals alone.
        "proxy": facts["proxy"],
    }


def _actions(route: Route, actions: Actions, doors: dict[str, str]) -> Document:
    """The groups that have the operation, its door, or why it has none. Another name of one has neither."""
    name = route.operation_id
    if name in doors:
        return {"actions": actions.groups_of(name), "door": doors[name], "without": None}
    own = route.upstream_path is None or route.alias_of is not None
    if route.query is not None:
        return {"actions": [], "door": None, "without": f"{_VARIANT}: {route.query} at the door of it"}
    return {"actions": [], "door": None, "without": None if own else actions.reason(route) or _NO_GROUP}


def _totals(rows: Iterable[Document]) -> dict[str, int]:
    upstream = list(rows)
    counted: dict[str, Callable[[Document], Any]] = {
        "all": lambda _: True,
        "forwarded": lambda row: row["served"] == "forwarded",
        "handled": lambda row: row["served"] == "handled",
        "with a request body": lambda row: row["request_media_types"],
        "with a body that is judged": lambda row: row["body_model"],
        "that stream": lambda row: row["streams"],
        "that are WebSockets": lambda row: row["websocket"],
        "answered by the sandbox": lambda row: row["sandbox"],
        **{f"tested by {client}": partial(_tested, client) for client in CLIENTS},
        "open to the proxy": lambda row: row["proxy"],
        "open to Actions": lambda row: row["actions"],
        "variants, by the query of their door": lambda row: str(row["without"]).startswith(_VARIANT),
        "kept from Actions, for a reason": lambda row: _is_reason(row["without"]),
        _NO_GROUP: lambda row: row["without"] == _NO_GROUP,
    }
    return {what: sum(bool(counts(row)) for row in upstream) for what, counts in counted.items()}


def _is_reason(without: str | None) -> bool:
    return without is not None and without != _NO_GROUP and not without.startswith(_VARIANT)


def _tested(client: str, row: Document) -> bool:
    return client in row["clients"]


def _cells(name: str, row: Document) -> tuple[str, ...]:
    served = row["handler"] or "forwarded"
    return (
        name,
        f"`{row['method']} {row['path']}`",
        f"{served}, as {row['alias_of']}" if row["alias_of"] else served,
        _WEBSOCKET if row["websocket"] else _media(row["request_media_types"]),
        _WEBSOCKET if row["websocket"] else _media(row["response_media_types"]),
        _said(row["streams"]),
        row["body_model"] or "",
        _said(row["sandbox"]),
        ", ".join(row["clients"]),
        _said(row["proxy"]),
        ", ".join(row["actions"]),
        f"`{row['door']}`" if row["door"] else row["without"] or "",
    )


def _media(names: list[str]) -> str:
    return ", ".join(_SHORT.get(name, name) for name in names)


def _said(value: bool | None) -> str:  # noqa: FBT001 - it is a cell
    return "" if value is None else "yes" if value else "no"


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
