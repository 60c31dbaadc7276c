from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from codegen import vendor
from codegen.files import load
from tests.codegen.shapes import PROSE
from tests.codegen.web import serving

JSON = Any

SMALL = f"""
openapi: 3.1.1
info: {{title: Small, version: "2", description: {PROSE}}}
paths:
  /b:
    get: {{operationId: b, responses: {{"200": {{description: {PROSE}}}}}}}
    put: {{operationId: put-b, summary: {PROSE}, responses: {{}}}}
  /a:
    parameters: []
webhooks:
  done:
    post: {{responses: {{}}}}
components:
  schemas:
    Z: {{type: string, example: {PROSE}}}
    A:
      $ref: "#/components/schemas/Z"
""".encode()

SPEC = Path(__file__).parents[2] / "spec"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the small document and a table of known states that knows it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    states = [
        {"commit": COMMIT, "date": "2026-01-02", "sha256": ["0" * 64, sha256(SMALL).hexdigest()]},
        {"commit": OTHER, "date": "2026-03-04", "sha256": []},
    ]
    (tmp_path / "states.json").write_text(json.dumps({"states": states}))
    monkeypatch.setattr(vendor, "STATES", tmp_path / "states.json")
    (tmp_path / "small.yaml").write_bytes(SMALL)
    return tmp_path


def run(*arguments: str) -> dict[str, JSON]:
    """The lock after a run that succeeds."""
    assert vendor.main(arguments) == 0
    return load(Path("spec/openai.lock.json"))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a run that fails, which touched neither file."""
    spec = Path("spec")
    spec.mkdir(exist_ok=True)
    before = {name: (spec / name).write_text("old") for name in ("openai.json", "openai.lock.json")}
    assert vendor.main(arguments) == 2
    assert sorted(path.name for path in spec.iterdir()) == sorted(before)
    assert {path.read_text() for path in spec.iterdir()} == {"old"}
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("vendor: ")
    assert len(told.err.splitlines()) == 1
    return told.err.removeprefix("vendor: ").rstrip("\n")


def test_both_files_are_written_and_the_lock_tells_of_them(here: Path) -> None:
    lock = run("--source", str(here / "small.yaml"))
    vendored = (here / "spec" / "openai.json").read_bytes()
    assert list(lock.items()) == [
        ("source", "small.yaml"),
        ("commit", COMMIT),
        ("date", "2026-01-02"),
        ("source_sha256", sha256(SMALL).hexdigest()),
        ("sha256", sha256(vendored).hexdigest()),
        ("openapi", "3.1.1"),
        ("version", "2"),
        ("operations", 2),
        ("schemas", 2),
    ]
    assert json.loads(vendored) == {
        "openapi": "3.1.1",
        "info": {"title": "Small", "version": "2"},
        "paths": {
            "/a": {"parameters": []},
            "/b": {
                "get": {"operationId": "b", "responses": {"200": {"description": "OK"}}},
                "put": {"operationId": "put-b", "responses": {}},
            },
        },
        "webhooks": {"done": {"post": {"responses": {}}}},
        "components": {"schemas": {"A": {"$ref": "#/components/schemas/Z"}, "Z": {"type": "string"}}},
    }
    assert sorted(path.name for path in (here / "spec").iterdir()) == ["openai.json", "openai.lock.json"]


def test_neither_file_tells_a_sentence_or_the_machine(here: Path) -> None:
    run("--source", str(here / "small.yaml"))
    written = "".join(path.read_text() for path in (here / "spec").iterdir())
    assert PROSE not in written
    assert str(here) not in written


def test_the_same_source_gives_the_same_bytes_anywhere(here: Path) -> None:
    run("--source", "small.yaml")
    (here / "elsewhere").mkdir()
    (here / "small.yaml").rename(here / "elsewhere" / "small.yaml")
    assert vendor.main(["--source", "elsewhere/small.yaml", "--spec-dir", "new/spec"]) == 0
    for name in ("openai.json", "openai.lock.json"):
        assert (here / "spec" / name).read_bytes() == (here / "new" / "spec" / name).read_bytes()


def test_the_vendored_document_vendors_to_itself(here: Path) -> None:
    run("--source", "small.yaml")
    assert vendor.main(["--source", "spec/openai.json", "--spec-dir", "again"]) == 0
    assert (here / "again" / "openai.json").read_bytes() == (here / "spec" / "openai.json").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "commit", "day"),
    [
        (["--commit", OTHER, "--date", "2025-12-31"], OTHER, "2025-12-31"),
        (["--commit", OTHER], OTHER, "2026-03-04"),
        (["--commit", "a" * 40], "a" * 40, None),
        (["--date", "2025-12-31"], COMMIT, "2025-12-31"),
    ],
)
@pytest.mark.usefixtures("here")
def test_commit_and_date_may_be_told(arguments: list[str], commit: str, day: str | None) -> None:
    lock = run("--source", "small.yaml", *arguments)
    assert (lock["commit"], lock["date"]) == (commit, day)


def test_an_unknown_state_has_neither_commit_nor_date(here: Path) -> None:
    (here / "small.yaml").write_bytes(SMALL + b"\n")
    lock = run("--source", "small.yaml")
    assert (lock["commit"], lock["date"]) == (None, None)
    (here / "states.json").unlink()
    (here / "small.yaml").write_bytes(SMALL)
    assert run("--source", "small.yaml")["commit"] is None


@pytest.mark.usefixtures("here")
def test_a_url_is_recorded_and_may_tell_the_commit() -> None:
    with serving({f"/{OTHER}/openapi.yaml": SMALL, f"/HEAD/a{OTHER}.yaml": SMALL}) as site:
        lock = run("--source", f"{site}/{OTHER}/openapi.yaml")
        assert lock["source"] == f"{site}/{OTHER}/openapi.yaml"
        assert (lock["commit"], lock["date"]) == (OTHER, "2026-03-04")
        assert run("--source", f"{site}/{OTHER}/openapi.yaml", "--commit", "a" * 40)["commit"] == "a" * 40
        # 41 hex digits are no commit, so the table of known states tells.
        assert run("--source", f"{site}/HEAD/a{OTHER}.yaml")["commit"] == COMMIT


@pytest.mark.usefixtures("here")
def test_a_url_that_fails_leaves_the_files_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"/list": b"- 1"}) as site:
        assert refused(capsys, "--source", f"{site}/none") == f"{site}/none: the server answered 404"
        assert refused(capsys, "--source", f"{site}/list") == f"{site}/list: #: the root is no mapping"
        told = refused(capsys, "--source", "https://user:word@127.0.0.1/")
        assert told == "the source URL holds a user or a password"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"openapi: 3.1.1", b"openapi: 3.0.3", "#/openapi: '3.0.3' is not OpenAPI 3.1"),
        (b"openapi: 3.1.1", b"openapi: 3.1", "#/openapi: 3.1 is not OpenAPI 3.1"),
        (b"openapi: 3.1.1", b"openapi: 3.1.1-rc1", "#/openapi: '3.1.1-rc1' is not OpenAPI 3.1"),
        (b"openapi: 3.1.1", b"swagger: 2", "#/openapi: None is not OpenAPI 3.1"),
        (b'version: "2"', b"version: 2", "#/info/version: has to be a string"),
        (b'info: {title: Small, version: "2"', b"info: {title: Small", "#/info/version: has to be a string"),
        (b"type: string", b"typo: string", "#/components/schemas/Z: unknown keyword 'typo'"),
        (b"parameters: []", b"x-new: []", "#/paths/~1a: unknown keyword 'x-new'"),
        (
            b"schemas/Z",
            b"schemas/Y",
            "#/components/schemas/A/$ref: '#/components/schemas/Y' does not resolve",
        ),
        (b"  /a:", b"  /b:", "line 8, column 3: the key '/b' stands here a second time"),
        (b"openapi: 3.1.1", b"\xff", "line 2: not UTF-8"),
    ],
)
def test_a_faulty_document_is_told_and_leaves_the_files_alone(
    old: bytes, new: bytes, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in SMALL
    (here / "small.yaml").write_bytes(SMALL.replace(old, new))
    assert refused(capsys, "--source", "small.yaml").startswith(f"small.yaml: {message}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--commit", "ABC"], "--commit: 40 lower-case hex digits"),
        (["--commit", "a" * 41], "--commit: 40 lower-case hex digits"),
        (["--date", "20260102"], "--date: a day as YYYY-MM-DD"),
        (["--date", "2026-02-30"], "--date: a day as YYYY-MM-DD"),
        (["--source", "none.yaml"], "none.yaml: cannot be read: No such file"),
        (["--source", "ftp://127.0.0.1/a"], "ftp://127.0.0.1/a: only https is fetched"),
        (["--spec-dir", "small.yaml/spec"], "small.yaml/spec: cannot be written: Not a directory"),
    ],
)
@pytest.mark.usefixtures("here")
def test_faulty_arguments_are_told(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, "--source", "small.yaml", *arguments).startswith(message)


@pytest.mark.parametrize(
    "table", [{}, {"states": {}}, {"states": [1]}, {"states": [{"commit": COMMIT, "date": "2026-01-02"}]}]
)
def test_a_malformed_table_of_states_is_told(
    table: JSON, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "states.json").write_text(json.dumps(table))
    assert refused(capsys, "--source", "small.yaml").startswith("states.json: #/states: a list of")


def test_the_committed_files_belong_together() -> None:
    lock = load(SPEC / "openai.lock.json")
    document = load(SPEC / "openai.json")
    assert lock["sha256"] == sha256((SPEC / "openai.json").read_bytes()).hexdigest()
    assert lock["schemas"] == len(document["components"]["schemas"])
    states = load(SPEC / "sources.json")["states"]
    known = {digest: (state["commit"], state["date"]) for state in states for digest in state["sha256"]}
    told = (lock["commit"], lock["date"])
    assert known.get(lock["source_sha256"], told) == told


def sentences(value: JSON, keyword: str = "") -> list[str]:
    """The strings of three words and more, but for titles, values and the names of tags."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in sentences(item, key)]
    if isinstance(value, list):
        return [found for item in value for found in sentences(item, keyword)]
    named = keyword in {"title", "enum", "const", "default", "pattern", "name", "tags"}
    return [value] if isinstance(value, str) and len(value.split()) > 2 and not named else []


def test_the_committed_document_holds_no_sentence() -> None:
    assert sentences(load(SPEC / "openai.json")) == []
    assert sentences({"a": [{"description": PROSE}]}) == [PROSE]
