"""Older and newer states than the vendored one, made from it by known surgery."""

import copy
import functools
from pathlib import Path
from typing import Any

from codegen.files import load
from codegen.grammar import METHODS

JSON = Any
Document = dict[str, JSON]

ROOT = Path(__file__).parents[3]
NEW_OPERATIONS = {
    ("POST", "/content_provenance_checks"),
    *(
        (method, f"/organization/{owner}spend_limit")
        for owner in ("", "projects/{project_id}/")
        for method in ("GET", "POST", "DELETE")
    ),
}
NEW_EVENT = "ResponseShellCallCommandAddedStreamingEvent"


@functools.cache
def _vendored() -> Document:
    return load(ROOT / "spec" / "openai.json")


def vendored() -> Document:
    """The vendored document, to be changed at will."""
    return copy.deepcopy(_vendored())


def without(document: Document, operations: set[tuple[str, str]]) -> Document:
    """The document without `operations`, and without paths that have none left."""
    for method, path in operations:
        del document["paths"][path][method.lower()]
        if not any(name in METHODS for name in document["paths"][path]):
            del document["paths"][path]
    return document


def older() -> Document:
    """The state before: seven operations, a webhook, a field, a value and an event less, and a field more."""
    document = without(vendored(), NEW_OPERATIONS)
    del document["webhooks"]["live_call_incoming"]
    schemas = document["components"]["schemas"]
    del schemas["Model"]["properties"]["shutdown_date"]
    schemas["ServiceTierEnum"]["enum"].remove("fast")
    reference = {"$ref": f"#/components/schemas/{NEW_EVENT}"}
    schemas["ResponseStreamEvent"]["anyOf"].remove(reference)
    schemas["ProjectCreateRequest"]["properties"]["geography"] = {"type": "string"}
    return document
