"""What a project needs of the environment it is installed in, and how the lock file pins it."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class SupplyError(Exception):
    """What is to be handed on cannot be; the text says why and what to do."""


def project(root: Path) -> dict[str, Any]:
    """The `[project]` table of the `pyproject.toml` in `root`."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def requirements(table: dict[str, Any]) -> list[str]:
    """What a `[project]` table requires, for each of its extras too."""
    extras = table.get("optional-dependencies", {}).values()
    return [*table["dependencies"], *(line for lines in extras for line in lines)]


def needed(lines: Iterable[str]) -> dict[str, set[str]]:
    """The closure of requirements (PEP 508) in this environment: by canonical name, the names each needs.

    Those that the lines themselves ask for are under the name "". Markers are judged for this platform and
    Python, extras as they are asked for. Raises SupplyError for what is not installed.
    """
    left = [pair for line in lines for pair in _asked(Requirement(line), "")]
    found = {"": {name for name, _ in left}}
    done: set[tuple[str, str]] = set()
    while left:
        name, extra = left.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        asked = [pair for line in _requires(name) for pair in _asked(Requirement(line), extra)]
        found.setdefault(name, set()).update(needs for needs, _ in asked)
        left += asked
    return {name: needs - {name} for name, needs in found.items()}


def _asked(requirement: Requirement, extra: str) -> list[tuple[str, str]]:
    """The name that a requirement asks for, with each of its extras and with none, if its marker holds."""
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
        return []
    name = canonicalize_name(requirement.name)
    return [(name, extra) for extra in ("", *sorted(requirement.extras))]


def _requires(name: str) -> list[str]:
    try:
        return distribution(name).requires or []
    except PackageNotFoundError:
        raise SupplyError(f"{name} is needed and not installed: make lock, then make setup") from None


def locked(lock: Path) -> dict[str, tuple[str, list[str]]]:
    """By canonical name: the version that a lock file pins here, and the SHA-256 of each file of it."""
    pinned: dict[str, tuple[str, list[str]]] = {}
    for line in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        text = line.partition("--hash")[0].strip()
        if not text or text.startswith("#"):
            continue
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate():
            version = str(requirement.specifier).removeprefix("==")
            pinned[canonicalize_name(requirement.name)] = (version, _HASH.findall(line))
    return pinned
