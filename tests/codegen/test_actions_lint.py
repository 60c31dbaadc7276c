"""`python -m codegen.actions_lint`: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest
import yaml

from codegen.actions_lint import main
from tests.codegen.actions.contracts import compiled

DOCUMENT = compiled()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("good.json", json.dumps(DOCUMENT)),
        ("good.yaml", yaml.safe_dump(DOCUMENT)),
        ("good", json.dumps(DOCUMENT)),
    ],
)
def test_a_good_document_is_met_with_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert main([str(tmp_path / name)]) == 0
    assert capsys.readouterr().out == ""


def test_each_finding_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**DOCUMENT, "openapi": "3.0.0", "servers": []}), encoding="utf-8")
    assert main([str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "openapi: '3.0.0' is none of 3.1.0, 3.1.1",
        "servers: 0 where exactly one is taken",
    ]


@pytest.mark.parametrize("text", [None, "", "[]", "{", "a: &b 1", "\udcff"])
def test_what_cannot_be_read_is_said_on_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    path = tmp_path / "odd.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert main([str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("actions-lint: odd.yaml: ")
    assert said.err.count("\n") == 1
