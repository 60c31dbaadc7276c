"""`python -m supply.dist`: the wheel and the sdist of this project in dist/, the same bytes each time.

Nothing is downloaded: the build backend is the one that requirements.lock pins. What is built is built again
from the unpacked sdist, and compared. Exit codes: 0 done, 1 what was built is not as it has to be.
"""

import argparse
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

from supply.needed import SupplyError, project

_TARGETS = ("wheel", "sdist")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's docstring for exit codes."""
    parser = argparse.ArgumentParser(
        prog="python -m supply.dist", description="Build the wheel and the sdist."
    )
    parser.add_argument(
        "--into", type=Path, default=Path("dist"), help="the folder; what it holds is removed"
    )
    given = parser.parse_args(arguments)
    try:
        made = build(Path(), given.into)
        again(*made)
        metadata(made[0], Path())
    except SupplyError as error:
        print(f"dist: {error}", file=sys.stderr)  # noqa: T201
        return 1
    for path in made:
        print(f"dist: {path}, {path.stat().st_size:,} bytes")  # noqa: T201
    return 0


def build(root: Path, into: Path) -> tuple[Path, Path]:
    """Make the wheel and the sdist of the project in `root`; raises SupplyError.

    Times in them are SOURCE_DATE_EPOCH where that is set, and otherwise one of the build backend's own.
    """
    wheel, sdist = (built(root, target, into) for target in _TARGETS)
    return wheel, sdist


def built(root: Path, target: str, into: Path) -> Path:
    """Make one of them, `wheel` or `sdist`, in place of what `into` had of it; raises SupplyError."""
    ending = ".whl" if target == "wheel" else ".tar.gz"
    for old in into.glob(f"*{ending}"):
        old.unlink()
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        target,
        "--directory",
        str(into.resolve()),
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SupplyError(f"the {target} cannot be built: {done.stderr.strip()}")
    [made] = into.glob(f"*{ending}")
    return made


def unpacked(sdist: Path, into: Path) -> Path:
    """The one folder that an sdist holds, unpacked (PEP 625, PEP 721)."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    [folder] = into.iterdir()
    return folder


def again(wheel: Path, sdist: Path) -> None:
    """Build both from the sdist; raises SupplyError where a byte of either differs."""
    with tempfile.TemporaryDirectory() as folder:
        root = unpacked(sdist, Path(folder) / "unpacked")
        second = build(root, Path(folder) / "built")
        for one, other in zip((wheel, sdist), second, strict=True):
            if one.read_bytes() != other.read_bytes():
                raise SupplyError(
                    f"{one.name} differs when it is built from the sdist: is a file not in the sdist?"
                )


def metadata(wheel: Path, root: Path) -> Metadata:
    """A wheel's core metadata; raises SupplyError where an index would refuse it, or an extra is not told."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        try:
            found = Metadata.from_email(archive.read(name), validate=True)
        except ExceptionGroup as error:
            raise SupplyError(f"the wheel's metadata is invalid: {error}") from error
    extras = sorted(project(root).get("optional-dependencies", {}))
    if sorted(found.provides_extra or []) != extras:
        raise SupplyError(f"the wheel declares the extras {found.provides_extra}, the project {extras}")
    return found


if __name__ == "__main__":
    sys.exit(main())
