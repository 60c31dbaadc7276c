"""Packages of npm as they are locked, OpenAI's Node library among them, and scripts that use them."""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"
NEEDED = "The tests of what runs in Node need Node 20 or newer with npm, both on the PATH"
_SECONDS = 120  # a bound, no measurement


def run(*command: str, told: str = "", folder: Path = NODE, **variables: str) -> str:
    """What a command prints in `folder`, which reads `told` and has `variables` about it; fails with it."""
    done = subprocess.run(
        command,
        cwd=folder,
        input=told,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout)[-2_000:]
        pytest.fail(f"`{' '.join(command)}` failed:\n{said}", pytrace=False)
    return done.stdout


def installed(folder: Path = NODE) -> None:
    """Put the packages of `folder` in place as they are locked, unless they are; fails without Node."""
    _check_node()
    marker = folder / "node_modules" / ".ready"
    with (folder / "package-lock.json").open("rb") as lock:
        # Tests run in several processes: the first one installs, the others wait for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        locked = lock.read()
        if not marker.exists() or marker.read_bytes() != locked:
            run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
            marker.write_bytes(locked)


def _check_node() -> None:
    found = shutil.which("node") and shutil.which("npm")
    version = re.match(r"v(\d+)\.", run("node", "--version")) if found else None
    if version is None or int(version[1]) < 20:
        pytest.fail(f"{NEEDED}{f', not {version.string.strip()}' if version else ''}.", pytrace=False)
