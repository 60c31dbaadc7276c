"""`python -m supply.sbom`: build/sbom.json, what of others' runs with this project, as CycloneDX 1.6.

It lists what the wheel requires in this environment, with what that requires in turn, and no tool of this
project's own; what its extras alone require is optional. Names, versions and licences are those of what is
installed, read by cyclonedx-bom; edges are those that hold on this platform; hashes are the lock file's, one
for each file of a distribution that pip may install. Exit codes: 0 done, 1 what is installed is not what is
locked, or the document would be invalid.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from supply.dist import built
from supply.needed import SupplyError, locked, needed, project, requirements

_ROOT = "root-component"
# What is validated is the document that comes of it.
_OPTIONS = ("--no-validate", "--output-reproducible", "--spec-version", "1.6", "--output-file", "-")
_Json = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's docstring for exit codes."""
    parser = argparse.ArgumentParser(
        prog="python -m supply.sbom", description="Write what runs as CycloneDX."
    )
    parser.add_argument("--output", type=Path, default=Path("build/sbom.json"), help="the file to write")
    given = parser.parse_args(arguments)
    try:
        made = bill(Path())
        text = json.dumps(made, indent=1) + "\n"
        check(text)
    except SupplyError as error:
        print(f"sbom: {error}", file=sys.stderr)  # noqa: T201
        return 1
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(text, encoding="utf-8")
    print(f"sbom: {len(made['components'])} components in {given.output}")  # noqa: T201
    return 0


def check(text: str) -> None:
    """Raise SupplyError for what CycloneDX's schema does not allow."""
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SupplyError(f"the document is no CycloneDX: {error}")


def bill(root: Path) -> _Json:
    """The document for the project in `root`; raises SupplyError."""
    table, pinned = project(root), locked(root / "requirements.lock")
    edges, always = needed(requirements(table)), needed(table["dependencies"])
    made = _inventory(root)
    found: dict[str, _Json] = {canonicalize_name(one["name"]): one for one in made["components"]}
    made["components"] = [
        {
            **_pinned(found[name], pinned.get(name)),
            **_licensed(found[name]),
            "scope": "required" if name in always else "optional",
        }
        for name in sorted(edges)
        if name
    ]
    refs = {name: found[name]["bom-ref"] if name else _ROOT for name in edges}
    made["dependencies"] = [
        {"ref": refs[name], "dependsOn": sorted(refs[one] for one in edges[name])} for name in sorted(edges)
    ]
    made["metadata"]["component"]["externalReferences"] = [_wheel(root)]
    return made


def _inventory(root: Path) -> _Json:
    """Everything that is installed, as cyclonedx-bom tells it."""
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "environment",
        "--pyproject",
        "pyproject.toml",
        *_OPTIONS,
    ]
    done = subprocess.run([*command, sys.executable], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SupplyError(f"cyclonedx-bom cannot read what is installed: {done.stderr.strip()}")
    made: _Json = json.loads(done.stdout)
    return made


def _pinned(component: _Json, pin: tuple[str, list[str]] | None) -> _Json:
    """A component with the hashes that its pin has, and without the addresses of its pages."""
    if pin is None or pin[0] != component["version"]:
        wanted = pin[0] if pin else "nothing"
        said = f"{component['name']} {component['version']} is installed and {wanted} is locked"
        raise SupplyError(f"{said}: make clean, then make setup")
    # The purl stands for the address: which index the files come from is the installer's to say.
    hashes = [{"alg": "SHA-256", "content": digest} for digest in pin[1]]
    files = {"type": "distribution", "url": component["purl"], "hashes": hashes}
    return {**component, "externalReferences": [files]}


def _licensed(component: _Json) -> _Json:
    """The licences of a component, which may be told in words that cyclonedx-bom leaves out."""
    words = metadata(component["name"]).get_all("License")
    if "licenses" in component or not words:
        return {}
    return {"licenses": [{"license": {"name": text, "acknowledgement": "declared"}} for text in words]}


def _wheel(root: Path) -> _Json:
    """The wheel of this very tree, which `make dist` makes too."""
    with tempfile.TemporaryDirectory() as folder:
        made = built(root, "wheel", Path(folder))
        digest = hashlib.sha256(made.read_bytes()).hexdigest()
    hashes = [{"alg": "SHA-256", "content": digest}]
    return {"type": "distribution", "url": made.name, "hashes": hashes}


if __name__ == "__main__":
    sys.exit(main())
