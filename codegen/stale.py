"""What this project says of operations that the contract does not have: each with the line to change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from codegen import lines, words
from codegen.actions import groups
from codegen.contract import Contract

# The sandbox's tables by operation id and by path; nothing else of it knows an operation by name.
_TABLES = frozenset({"HANDLERS", "FAMILIES", "_OWN", "_SESSIONS"})
_MOUNT = "/v1"


def stale(contract: Contract, root: Path) -> list[str]:
    """A line for each handler that no operation names, and each entry of a table that leads nowhere."""
    return [
        *_handlers(contract, root),
        *_sandbox(contract, root),
        *_groups(contract, root),
        *_words(contract, root),
    ]


def known_to_sandbox(root: Path) -> set[str]:
    """The operation ids and paths that the sandbox has more for than an answer from the contract."""
    return {name for _, name, _ in _entries(root)}


def _handlers(contract: Contract, root: Path) -> Iterator[str]:
    named = {route.relay.get("handler") for route in contract.routes}
    for path in sorted((root / "handlers").glob("*.py")):
        for function, line in lines.functions_of_python(path):
            if f"{path.stem}.{function}" not in named:
                yield f"handlers/{path.name}:{line}: no operation names the handler {path.stem}.{function}"


def _entries(root: Path) -> Iterator[tuple[Path, str, int]]:
    for path in sorted((root / "sandbox").glob("*.py")):
        for name, line in lines.strings_of_python(path, _TABLES):
            yield path, name, line


def _sandbox(contract: Contract, root: Path) -> Iterator[str]:
    ids = {route.operation_id for route in contract.routes}
    upstream = {route.upstream_path for route in contract.routes if route.upstream_path is not None}
    paths = upstream | {re.sub(r"/\{[^/]+\}\Z", "", path) for path in upstream}
    for path, name, line in _entries(root):
        known = name.removeprefix(_MOUNT) in paths if name.startswith("/") else name in ids
        if not known:
            what = "path" if name.startswith("/") else "operation"
            yield f"sandbox/{path.name}:{line}: {name!r} is no {what} of the contract"


def _groups(contract: Contract, root: Path) -> Iterator[str]:
    """What the data on Actions says of operations that are none: left out of the documents."""
    left_out = groups.left_out(contract)
    text = (root / groups.SOURCE).read_text(encoding="utf-8").splitlines() if left_out else []
    for name in left_out:
        pattern = re.compile(rf"(?<![\w*-]){re.escape(name)}(?![\w*-])")
        for number, line in enumerate(text, start=1):
            if pattern.search(line):
                yield f"{groups.SOURCE}:{number}: {name!r} is no operation of the contract"


def _words(contract: Contract, root: Path) -> Iterator[str]:
    """What the words of the served document are about that is not in it."""
    left_out = words.left_out(contract)
    text = (root / words.SOURCE).read_text(encoding="utf-8").splitlines() if left_out else []
    for name in left_out:
        for number, line in enumerate(text, start=1):
            if line.lstrip().startswith(f"{name}: "):
                yield f"{words.SOURCE}:{number}: {name!r} is nothing of the contract's"
