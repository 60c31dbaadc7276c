"""What may go upstream through `POST /v1/proxy`, written by hand: nothing here is read from the contract."""

import string
from typing import Any

# A line for each method, and all that it may reach; `*` is an id.
_LINES = """
GET models models/* videos videos/* files files/* batches batches/* responses/* responses/*/input_items
GET chat/completions chat/completions/* chat/completions/*/messages conversations/* conversations/*/items
GET conversations/*/items/* containers containers/* containers/*/files containers/*/files/* vector_stores
GET vector_stores/* vector_stores/*/files vector_stores/*/files/* vector_stores/*/file_batches/*
GET vector_stores/*/file_batches/*/files
POST responses responses/compact responses/input_tokens responses/*/cancel embeddings images/generations
POST chat/completions chat/completions/* batches batches/*/cancel conversations conversations/*
POST conversations/*/items containers containers/*/files vector_stores vector_stores/* vector_stores/*/search
POST vector_stores/*/files vector_stores/*/files/* vector_stores/*/file_batches
POST vector_stores/*/file_batches/*/cancel
DELETE responses/* chat/completions/* videos/* files/* conversations/* conversations/*/items/* containers/*
DELETE containers/*/files/* vector_stores/* vector_stores/*/files/*
"""
_WORDS = [line.split() for line in _LINES.strip().splitlines()]
ALLOWED = [(method, path) for method, *paths in _WORDS for path in paths]
# The least body of those that a body is judged for.
BODIES: dict[str, dict[str, Any]] = {
    "embeddings": {"model": "m", "input": "x"},
    "images/generations": {"prompt": "x"},
    "chat/completions": {"model": "m", "messages": []},
    "chat/completions/*": {"metadata": {}},
    "batches": {"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "24h"},
    "vector_stores/*/search": {"query": "x"},
    "vector_stores/*/files": {"file_id": "f"},
    "vector_stores/*/files/*": {"attributes": {}},
    "vector_stores/*/file_batches": {"file_ids": ["f"]},
    "containers": {"name": "c"},
    "containers/*/files": {"file_id": "f"},
    "conversations/*": {"metadata": {}},
    "conversations/*/items": {"items": []},
}
_LETTERS = set(string.ascii_letters + string.digits + "_-.")


def allowed(method: str, path: str) -> tuple[str, bytes] | None:
    """Which line of ALLOWED a path is, and the target that has to arrive; None where nothing may."""
    below = path.removeprefix("/").removeprefix("v1/")
    segments = below.split("/")
    plain = all(part and set(part) <= _LETTERS and "." not in {part[0], part[-1]} for part in segments)
    if not plain or ".." in below or len(path) > 1024:
        return None
    for named, template in ALLOWED:
        parts = template.split("/")
        fits = len(parts) == len(segments) and all(map(_fits, parts, segments))
        if named == method and fits:
            return template, f"/v1/{below}".encode()
    return None


def _fits(part: str, segment: str) -> bool:
    return part in {"*", segment}
