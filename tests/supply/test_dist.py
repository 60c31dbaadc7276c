"""The wheel and the sdist: what is in them, that they are the same each time, and what a broken one says."""

import subprocess
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from supply import dist
from supply.needed import SupplyError
from tests.servers import PROJECT
from tests.supply.installed import names_in

PACKAGES = ("acceptance", "generated", "handlers", "relay", "sandbox")
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "one"
version = "1"
requires-python = ">=3.11"
optional-dependencies.more = ["two"]
[tool.hatch.build.targets.wheel]
packages = ["one"]
[tool.hatch.build.targets.sdist]
only-include = ["one"]
{more}
"""


def files(*folders: str) -> set[str]:
    found = (path for folder in folders for path in (PROJECT / folder).rglob("*") if path.is_file())
    return {path.relative_to(PROJECT).as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_packages_that_run_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as archive:
        names = archive.namelist()
    assert names_in(names) == files(*PACKAGES)
    told = {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name}
    assert told == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
        "licenses/NOTICE",
    }


def test_the_sdist_holds_all_that_git_has(built: tuple[Path, Path]) -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("this tree is an sdist itself")
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True)  # noqa: S607
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert set(listed.stdout.splitlines()) - names == set()
    assert {name for name in names - set(listed.stdout.splitlines()) if "/" not in name} == {"PKG-INFO"}


def test_both_are_the_same_bytes_when_they_are_built_from_the_sdist(built: tuple[Path, Path]) -> None:
    dist.again(*built)


def test_the_metadata_is_what_an_index_takes(built: tuple[Path, Path]) -> None:
    found = dist.metadata(built[0], PROJECT)
    assert (found.name, str(found.version)) == ("chatgpt-team-relay", version("chatgpt-team-relay"))
    assert (found.license_expression, found.license_files) == ("MIT", ["LICENSE", "NOTICE"])
    assert found.description is not None
    assert found.description_content_type == "text/markdown"


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A small project, to break."""
    root = tmp_path / "project"
    (root / "one").mkdir(parents=True)
    (root / "one" / "__init__.py").write_text("")
    (root / "pyproject.toml").write_text(PYPROJECT.format(more=""))
    return root


def test_what_is_not_in_the_sdist_is_missed_in_the_wheel_of_it(one: Path, tmp_path: Path) -> None:
    (one / "one" / "data.json").write_text("{}")
    dist.again(*dist.build(one, tmp_path / "dist"))
    (one / "pyproject.toml").write_text(PYPROJECT.format(more='exclude = ["data.json"]'))
    with pytest.raises(SupplyError, match=r"one-1-py3-none-any\.whl differs when it is built from the sdist"):
        dist.again(*dist.build(one, tmp_path / "dist"))


def test_an_extra_that_the_wheel_does_not_declare_is_told(one: Path, tmp_path: Path) -> None:
    wheel, _ = dist.build(one, tmp_path / "dist")
    assert dist.metadata(wheel, one).provides_extra == ["more"]
    with pytest.raises(SupplyError, match=r"declares the extras \['more'\], the project \["):
        dist.metadata(wheel, PROJECT)


def test_what_cannot_be_built_says_why(one: Path, tmp_path: Path) -> None:
    (one / "pyproject.toml").write_text(PYPROJECT.format(more="").replace('version = "1"', 'version = "?"'))
    with pytest.raises(SupplyError, match=r"the wheel cannot be built: (?s:.*)version"):
        dist.build(one, tmp_path / "dist")


def test_metadata_that_an_index_would_refuse_is_told(one: Path, tmp_path: Path) -> None:
    wheel, _ = dist.build(one, tmp_path / "dist")
    broken = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(broken, "w") as spoiled:
        for name in archive.namelist():
            spoiled.writestr(name, archive.read(name).replace(b"Version: 1\n", b"Version: one\n"))
    with pytest.raises(SupplyError, match="the wheel's metadata is invalid"):
        dist.metadata(broken, one)
