"""The contract as a test reads it: every operation of the upstream, variants included, and its schemas."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from generated.operations import OPERATIONS

_DOCUMENT = Path(__file__).parents[2] / "generated" / "openapi.json"


@dataclass(frozen=True)
class Described:
    """One operation as `described` in the document; `path` is below /v1, `query` what selects a variant."""

    operation_id: str
    method: str
    path: str
    query: str | None
    described: dict[str, Any]

    def request_types(self) -> list[str]:
        return list(self.described.get("requestBody", {}).get("content", {})) or [""]

    def request_schema(self, media_type: str) -> dict[str, Any]:
        content = self.described["requestBody"]["content"][media_type]
        schema: dict[str, Any] = content.get("schema", {})
        return schema

    def answers(self) -> dict[int, dict[str, Any]]:
        """The content by media type of each status of success."""
        found = self.described["responses"].items()
        return {int(status): answer.get("content", {}) for status, answer in found if status < "300"}


DOCUMENT: dict[str, Any] = json.loads(_DOCUMENT.read_text())


def _operations() -> Iterator[Described]:
    for row in OPERATIONS.values():
        other_name = row.query is not None or row.alias_of is not None
        # WebSockets have tests of their own: nothing that is one answer says what they are.
        if row.upstream_path is None or other_name or row.websocket:
            continue
        described = DOCUMENT["paths"][row.path][row.method.lower()]
        yield Described(row.operation_id, row.method, row.upstream_path, None, described)
        for query, variant in described.get("x-query-variants", {}).items():
            yield Described(variant["operationId"], row.method, row.upstream_path, query, variant)


UPSTREAM = {operation.operation_id: operation for operation in _operations()}


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with `value` by a schema of the document."""
    whole = {"allOf": [schema], "components": DOCUMENT["components"]}
    found = jsonschema_rs.Draft202012Validator(whole).iter_errors(value)
    return [f"{error.instance_path}: {error.message}" for error in found]
