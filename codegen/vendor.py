"""Vendors OpenAI's OpenAPI document: every fact of it, none of its prose.

`python -m codegen.vendor --source FILE_OR_URL` writes `openai.json` and `openai.lock.json` to `spec/`, and
what has changed since the state that was there to `build/upstream-report.md` and `.json`.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.errors import CodegenError
from codegen.facts import facts
from codegen.fetch import is_url, source_bytes
from codegen.files import dump_json, load, parse, write_atomically
from codegen.grammar import METHODS
from codegen.report import __main__ as report

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON = Any

OFFICIAL = "https://raw.githubusercontent.com/openai/openai-openapi/HEAD/openapi.yaml"
DOCUMENT = "openai.json"
LOCK = "openai.lock.json"
STATES = Path(__file__).resolve().parents[1] / "spec" / "sources.json"

_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_VERSION = re.compile(r"3\.1\.[0-9]+")


@dataclass(frozen=True)
class Lock:
    """Where the vendored document comes from: no time of the run, no path of this machine."""

    source: str
    commit: str | None
    date: str | None
    source_sha256: str
    sha256: str
    openapi: str
    version: str
    operations: int
    schemas: int


def vendor(source: str, spec_dir: Path, commit: str | None = None, day: str | None = None) -> Lock:
    """Read a source, keep its facts, write both files of `spec_dir`. Raises CodegenError, nothing written."""
    raw = source_bytes(source)
    name = source if is_url(source) else Path(source).name
    document = parse(raw, name)
    _refuse_other_versions(document, name)
    kept = facts(document, name)
    vendored = dump_json(kept)
    commit, day = _provenance(name, sha256(raw).hexdigest(), commit, day)
    lock = Lock(
        source=name,
        commit=commit,
        date=day,
        source_sha256=sha256(raw).hexdigest(),
        sha256=sha256(vendored).hexdigest(),
        openapi=kept["openapi"],
        version=_version(kept, name),
        operations=sum(method in item for item in kept.get("paths", {}).values() for method in METHODS),
        schemas=len(kept.get("components", {}).get("schemas", {})),
    )
    write_atomically({spec_dir / DOCUMENT: vendored, spec_dir / LOCK: dump_json(asdict(lock))})
    return lock


def _before(spec_dir: Path) -> tuple[str, dict[str, JSON]] | None:
    """The state that is there, by its name; None where there is none, or none that can be read."""
    try:
        return _state(load(spec_dir / LOCK)), load(spec_dir / DOCUMENT)
    except CodegenError:
        return None


def _told(before: tuple[str, dict[str, JSON]] | None, lock: Lock, spec_dir: Path) -> str:
    """The report on what has changed since the state before; nothing where there was none."""
    if before is None:
        return ""
    was, old = before
    new = load(spec_dir / DOCUMENT)
    if dump_json(old) == dump_json(new):
        return "the same facts as before: the last report stands\n"
    return report.write(old, new, (was, _state(asdict(lock))), spec_dir.parent)


def _state(lock: dict[str, JSON]) -> str:
    return str(lock.get("date") or lock.get("commit") or lock.get("source_sha256", "")[:12])


def _refuse_other_versions(document: dict[str, JSON], name: str) -> None:
    version = document.get("openapi")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise CodegenError(f"{name}: #/openapi: {version!r} is not OpenAPI 3.1")


def _version(document: dict[str, JSON], name: str) -> str:
    version = document.get("info", {}).get("version")
    if not isinstance(version, str):
        raise CodegenError(f"{name}: #/info/version: has to be a string")
    return version


def _provenance(name: str, digest: str, commit: str | None, day: str | None) -> tuple[str | None, str | None]:
    """Commit and date: as given, else the commit in the URL, else as the table of known states says."""
    states = _states(STATES)
    if commit is None and is_url(name) and (found := _COMMIT.search(name)):
        commit = found[0]
    if commit is None:
        commit = next((state["commit"] for state in states if digest in state["sha256"]), None)
    if day is None:
        day = next((state["date"] for state in states if state["commit"] == commit), None)
    return commit, day


def _states(path: Path) -> list[dict[str, JSON]]:
    states = load(path).get("states") if path.exists() else []
    shape = {"commit": str, "date": str, "sha256": list}
    for state in states if isinstance(states, list) else [None]:
        if not isinstance(state, dict) or {key: type(value) for key, value in state.items()} != shape:
            raise CodegenError(
                f"{path.name}: #/states: a list of commit, date and a list of sha256 is expected"
            )
    return states or []


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vendor", description=__doc__)
    parser.add_argument("--source", default=OFFICIAL, help="a file or an https URL (default: %(default)s)")
    parser.add_argument("--commit", help="the 40 hex digits of the source's commit, where they are known")
    parser.add_argument("--date", help="the date of that commit, YYYY-MM-DD")
    parser.add_argument(
        "--spec-dir", type=Path, default=Path("spec"), help="where to write (default: %(default)s)"
    )
    return parser.parse_args(argv)


def _checked(arguments: argparse.Namespace) -> argparse.Namespace:
    if arguments.commit is not None and not _COMMIT.fullmatch(arguments.commit):
        raise CodegenError("--commit: 40 lower-case hex digits are expected")
    if arguments.date is not None and not _is_day(arguments.date):
        raise CodegenError("--date: a day as YYYY-MM-DD is expected")
    return arguments


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command: 0 when both files are written, 1 without the report; 2 and a line when nothing is."""
    try:
        arguments = _checked(_arguments(argv))
        spec_dir: Path = arguments.spec_dir
        before = _before(spec_dir)
        lock = vendor(arguments.source, arguments.spec_dir, arguments.commit, arguments.date)
    except CodegenError as error:
        sys.stderr.write(f"vendor: {error}\n")
        return 2
    sys.stdout.write(f"vendor: {lock.operations} operations, {lock.schemas} schemas from {lock.source}\n")
    try:
        sys.stdout.write(_told(before, lock, spec_dir))
    except CodegenError as error:
        sys.stderr.write(f"vendor: both files are written, and no report: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
