"""Another pytest, for tests of what this project adds to it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.servers import PROJECT

# Finding and loading every plugin that is installed takes ten times as long as what is tested here.
_QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(PROJECT)}


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder, whose own packages come first; both streams of the output are one."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, **_QUICK},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
