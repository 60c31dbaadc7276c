"""The faults of the merged document, against the pinned list of those that are known."""

import json
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from codegen import files
from codegen.errors import CodegenError

_MESSAGE_CHARACTERS = 200


def found_in(document: dict[str, Any]) -> list[str]:
    """Each fault that openapi-spec-validator finds, as one line, sorted: where in the schema, and what."""
    faults = []
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        path = "/".join(str(part) for part in error.absolute_path)
        faults.append(f"{path or '(root)'}: {error.message[:_MESSAGE_CHARACTERS]}")
    return sorted(faults)


def check(document: dict[str, Any], pinned: Path) -> None:
    """Raise CodegenError unless the faults of `document` are exactly those listed in `pinned`."""
    listed = files.load(pinned)["faults"]
    found = found_in(document)
    if new := _less(found, listed):
        raise CodegenError(f"{pinned}: not listed there, but found: {json.dumps(new[0])} ({len(new)} in all)")
    if gone := _less(listed, found):
        raise CodegenError(f"{pinned}: listed there, but gone: {json.dumps(gone[0])} ({len(gone)} in all)")


def _less(these: list[str], those: list[str]) -> list[str]:
    """`these` without `those`, counting duplicates."""
    rest = list(those)
    kept = []
    for fault in these:
        if fault in rest:
            rest.remove(fault)
        else:
            kept.append(fault)
    return kept
