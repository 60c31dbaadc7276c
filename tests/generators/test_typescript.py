"""What openapi-typescript makes of the served document compiles, takes what is right and refuses the rest."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.parity import npm

NODE = Path(__file__).parent / "node"
USE = NODE / "use.ts"


@pytest.fixture(scope="session")
def project(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TypeScript project: the types of the served document, and a use of them."""
    npm.installed(NODE)
    folder = tmp_path_factory.mktemp("typescript")
    script = str(NODE / "node_modules" / "openapi-typescript" / "bin" / "cli.js")
    # A field with a default need not be sent: without the option the types of requests ask for it.
    options = ("--default-non-nullable=false", "--output", str(folder / "openapi.d.ts"))
    npm.run("node", script, str(document), *options, folder=folder)
    for name in (USE.name, "tsconfig.json"):
        shutil.copy(NODE / name, folder)
    return folder


def test_the_types_compile_take_what_is_right_and_refuse_what_is_wrong(project: Path) -> None:
    npm.run("node", str(NODE / "node_modules" / "typescript" / "bin" / "tsc"), "-p", ".", folder=project)
    # The compiler refuses an expected error that is none: each of these was one.
    assert len(re.findall(r"^ *// @ts-expect-error ", USE.read_text(), re.MULTILINE)) == 8


def test_every_operation_has_its_types(project: Path, document: Path) -> None:
    types = (project / "openapi.d.ts").read_text()
    paths = json.loads(document.read_bytes())["paths"]
    named = {operation["operationId"] for item in paths.values() for operation in item.values()}
    assert len(named) > 300
    typed = re.search(r"^export interface operations {$(.*?)^}$", types, re.MULTILINE | re.DOTALL)
    assert typed is not None
    assert set(re.findall(r'^    "?([\w-]+)"?: {$', typed[1], re.MULTILINE)) == named


def test_the_lock_file_has_every_package_by_its_hash_and_names_no_registry() -> None:
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    locked = [package for place, package in packages.items() if place]
    assert locked
    assert all("integrity" in package and "resolved" not in package for package in locked)
    assert "://" not in (NODE / "package.json").read_text() + (NODE / ".npmrc").read_text()
