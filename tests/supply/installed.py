"""An environment that holds a wheel and what it declares that it needs, and nothing else."""

import re
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

from supply.dist import metadata
from supply.needed import needed
from tests.servers import PROJECT

_NEVER_LINKED = {"..", "__pycache__"}


def installed(wheel: Path, folder: Path) -> Path:
    """Make an environment of a wheel; gives the folder of its commands.

    The wheel is installed by pip. Its dependencies are the very files that the lock file's hashes let into
    this environment, as links: what the wheel does not declare is not there to be imported.
    """
    venv.create(folder, symlinks=True)
    pip("install", "--no-index", "--no-deps", str(wheel), environment=folder)
    [site] = folder.glob("lib/python*/site-packages")
    declared = [str(requirement) for requirement in metadata(wheel, PROJECT).requires_dist or []]
    for name in sorted(needed(declared).keys() - {""}):
        _link(name, site)
    return folder / "bin"


def pip(*arguments: str, environment: Path) -> str:
    """Run this environment's pip for another one; gives what it prints."""
    command = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _link(name: str, site: Path) -> None:
    found = distribution(name)
    tops = {file.parts[0] for file in found.files or []} - _NEVER_LINKED
    assert tops, f"{name} has no files"
    for top in tops:
        (site / top).symlink_to(Path(str(found.locate_file(top))))


def names_in(wheel_names: list[str]) -> set[str]:
    """The names of files in a wheel without those of its metadata."""
    return {name for name in wheel_names if not re.match(r"[^/]+\.dist-info/", name)}
