"""The bill of materials: what runs, pinned as it is locked, and valid CycloneDX."""

import hashlib
import json
import re
import shutil
from importlib.metadata import distribution, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply import dist, sbom
from supply.needed import SupplyError, locked, needed, project
from tests.servers import PROJECT


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return sbom.bill(PROJECT)


def names(made: dict[str, Any]) -> set[str]:
    return {canonicalize_name(one["name"]) for one in made["components"]}


def test_it_is_cyclonedx(made: dict[str, Any]) -> None:
    sbom.check(json.dumps(made))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")


def test_what_is_no_cyclonedx_is_refused(made: dict[str, Any]) -> None:
    with pytest.raises(SupplyError, match="the document is no CycloneDX"):
        sbom.check(json.dumps({**made, "components": [{"name": "untyped"}]}))


def test_it_holds_what_the_project_needs_and_none_of_its_tools(made: dict[str, Any]) -> None:
    direct = {canonicalize_name(Requirement(line).name) for line in project(PROJECT)["dependencies"]}
    assert direct <= names(made)
    # What they need in turn: anyio of starlette, the rest of connexion, aiohttp and pydantic.
    assert {"anyio", "jsonschema", "werkzeug", "aiosignal", "pydantic-core"} <= names(made)
    tools = {
        "pytest",
        "hypothesis",
        "mypy",
        "ruff",
        "uv",
        "hatchling",
        "openai",
        "pip",
        "cyclonedx-bom",
        "lxml",
    }
    assert not tools & names(made)


def test_what_an_extra_alone_asks_for_is_optional(made: dict[str, Any]) -> None:
    scopes = {canonicalize_name(one["name"]): one["scope"] for one in made["components"]}
    table = project(PROJECT)
    extras = [line for lines in table["optional-dependencies"].values() for line in lines]
    assert {scopes[canonicalize_name(Requirement(line).name)] for line in extras} == {"optional"}
    assert {scopes[canonicalize_name(Requirement(line).name)] for line in table["dependencies"]} == {
        "required"
    }


def test_each_component_is_there_for_another_that_asks_for_it(made: dict[str, Any]) -> None:
    asked = {name for edge in made["dependencies"] for name in edge["dependsOn"]}
    assert asked == {one["bom-ref"] for one in made["components"]}
    for edge in made["dependencies"][1:]:
        lines = requires(edge["ref"].partition("==")[0]) or []
        wanted = {canonicalize_name(Requirement(line).name) for line in lines}
        assert {canonicalize_name(on.partition("==")[0]) for on in edge["dependsOn"]} <= wanted


def test_each_component_has_its_version_its_licence_and_the_hashes_of_its_pin(made: dict[str, Any]) -> None:
    text = "\n" + (PROJECT / "requirements.lock").read_text()
    for one in made["components"]:
        assert one["version"] == distribution(one["name"]).version
        assert one["licenses"], one["name"]
        [files] = one["externalReferences"]
        start = text.index(f"\n{canonicalize_name(one['name'])}=={one['version']}")
        block = re.split(r"\n(?! )", text[start + 1 :], maxsplit=1)[0]
        assert [found["content"] for found in files["hashes"]] == re.findall(r"sha256:(\w+)", block)
        assert files["hashes"]


def test_the_project_is_the_root_with_the_hash_of_its_wheel(made: dict[str, Any], tmp_path: Path) -> None:
    root = made["metadata"]["component"]
    assert (root["name"], root["version"]) == ("chatgpt-team-relay", project(PROJECT)["version"])
    assert [one["license"]["id"] for one in root["licenses"]] == ["MIT"]
    wheel = dist.built(PROJECT, "wheel", tmp_path)
    [file] = root["externalReferences"]
    assert file["url"] == wheel.name
    assert file["hashes"][0]["content"] == hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_what_is_installed_and_not_locked_is_refused(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    text = (PROJECT / "requirements.lock").read_text()
    (tmp_path / "requirements.lock").write_text(re.sub("(?m)^yarl==", "yarl==0.", text))
    with pytest.raises(SupplyError, match=r"yarl \S+ is installed and 0\.\S+ is locked: make clean"):
        sbom.bill(tmp_path)


def test_what_is_needed_and_not_installed_is_named() -> None:
    with pytest.raises(SupplyError, match="no-such-package is needed and not installed"):
        needed(["No_Such.Package>=1"])


def test_markers_and_extras_are_judged() -> None:
    assert needed(["no-such-package; python_version < '3'"]) == {"": set()}
    assert "fqdn" not in needed(["jsonschema"])
    assert "fqdn" in needed(["jsonschema[format-nongpl]"])["jsonschema"]


def test_a_lock_is_read_for_this_platform(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(f"""# said first
One.Two==1 ; python_version < '3' \\
    --hash=sha256:{"a" * 64}
one-two==2 ; python_version >= '3' \\
    --hash=sha256:{"b" * 64} \\
    --hash=sha256:{"c" * 64}
""")
    assert locked(lock) == {"one-two": ("2", ["b" * 64, "c" * 64])}
