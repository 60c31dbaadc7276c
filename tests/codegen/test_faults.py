from pathlib import Path
from typing import Any

import pytest

from codegen import faults, files
from codegen.errors import CodegenError
from tests.codegen.projects import DOCUMENT


def with_fault() -> dict[str, Any]:
    schemas = {**DOCUMENT["components"]["schemas"], "Kind": {"type": "string", "default": 7}}
    return {**DOCUMENT, "components": {**DOCUMENT["components"], "schemas": schemas}}


def pinned(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "known-faults.json"
    path.write_bytes(files.dump_json({"faults": list(lines)}))
    return path


def test_a_document_without_faults_passes_an_empty_list(tmp_path: Path) -> None:
    faults.check(DOCUMENT, pinned(tmp_path))


def test_a_fault_that_is_listed_passes(tmp_path: Path) -> None:
    found = faults.found_in(with_fault())
    assert found
    assert "7 is not of type 'string'" in found[0]
    faults.check(with_fault(), pinned(tmp_path, *found))


def test_a_new_fault_stops(tmp_path: Path) -> None:
    with pytest.raises(CodegenError, match=r"not listed there, but found: .*7 is not of type"):
        faults.check(with_fault(), pinned(tmp_path))


def test_a_listed_fault_that_is_gone_stops(tmp_path: Path) -> None:
    with pytest.raises(CodegenError, match=r"listed there, but gone: \"mended\""):
        faults.check(DOCUMENT, pinned(tmp_path, "mended"))


def test_two_faults_alike_have_to_be_listed_twice(tmp_path: Path) -> None:
    once = faults.found_in(with_fault())
    with pytest.raises(CodegenError, match="gone"):
        faults.check(with_fault(), pinned(tmp_path, *once, *once))
