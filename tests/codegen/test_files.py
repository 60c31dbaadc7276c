from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from codegen import files
from codegen.errors import CodegenError
from codegen.files import child, dump_json, load, parse, write_atomically
from tests.codegen.shapes import steady

JSON = Any

TEXT = st.text(st.characters(exclude_categories=("C", "Zl", "Zp"), include_characters='\n\t"\\'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(TEXT, VALUES)


def fault(raw: bytes, name: str = "a.yaml") -> str:
    with pytest.raises(CodegenError) as caught:
        parse(raw, name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-10-01", "2024-10-01"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("=", "="),
        ("<<", "<<"),
        ("3.1.0", "3.1.0"),
        *[(word, word) for word in ("yes", "no", "on", "off", "Yes", "NO", "y", "tRUE", "nULL")],
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('""', ""),
        ("'true'", "true"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("-12", -12),
        ("+.5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("|\n  a: b\n", "a: b\n"),
    ],
)
@pytest.mark.parametrize("loader", ["CBaseLoader", "BaseLoader"])
def test_scalars_follow_the_core_schema(
    text: str, value: JSON, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_LOADER", getattr(yaml, loader))
    read = parse(f"k: {text}\n".encode(), "a.yaml")["k"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"a: 1\nb:\n  c: 1\n  c: 2\n", "line 4, column 3: the key 'c' stands here a second time"),
        (b"a:\n  200: b\n", "line 2, column 3: the key 200 is no string"),
        (b"? [a]\n: b\n", "line 1, column 3: the key ['a'] is no string"),
        (b"a: 1\nb: &x 1\n", "line 2, column 4: anchors and aliases"),
        (b"a: 1\nb: *x\n", "line 2, column 4: anchors and aliases"),
        (b"a: &x [*x]\n", "line 1, column 4: anchors and aliases"),
        (b"a: !!binary aGk=\n", "line 1, column 4: tags"),
        (b"a: !mine {}\n", "line 1, column 4: tags"),
        (b"a: .nan\n", "#/a: nan is no JSON number"),
        (b"a:\n - -.INF\n", "#/a/0: -inf is no JSON number"),
        (b"a: 1e999\n", "#/a: inf is no JSON number"),
        (b"a: " + b"9" * 5000, "line 1, column 4: no number"),
        (b"- a\n", "#: the root is no mapping"),
        (b"a", "#: the root is no mapping"),
        (b"", "line 1: the file is empty"),
        (b"# nothing\n", "line 1: the file is empty"),
        (b"a: 1\n---\nb: 2\n", "line 2, column 1: a second document"),
        (b"a: 1\nb: [1\n", "line 3, column 1: no YAML"),
        (b"a:\n\t- b\n", "line 2, column 1: no YAML"),
        (b"a: 1\nb: \xff\n", "line 2: not UTF-8 (byte 8)"),
        (b"a: 1\nb: \x01\n", "line 2: no YAML"),
        ("a: b".encode("utf-16"), "line 1: not UTF-8"),
        (b"a: " + b"[" * 100_000, "line 1, column 203: nested deeper than 200 levels"),
        (b"".join(b" " * i + b"a:\n" for i in range(250)), "line 200, column 200: nested deeper"),
        (b'{"a": 1, "a": 2}', "#: the key 'a' stands here a second time"),
        (b'{"a": [{"x/y": {"b": 1, "b": 1}}]}', "#/a/0/x~1y: the key 'b'"),
        (b'{"a": NaN}', "#/a: nan is no JSON number"),
        (b'{"a": [-Infinity]}', "#/a/0: -inf is no JSON number"),
        (b'{"a": 1e999}', "#/a: inf is no JSON number"),
        (b'{"a":\n}', "line 2, column 1: no JSON"),
        (b'{"a": "\\ud800"}', "#/a: half a surrogate pair"),
        (b'{"a": {"\\udfff": 1}}', "#/a: half a surrogate pair"),
        (b'{"a":' + b"[" * 100_000, "#: nested deeper than 200 levels"),
        (b'{"a":' + b"[" * 250 + b"]" * 250 + b"}", "#/a/0"),
        (b'{"a":' + b"9" * 5000 + b"}", "#: no JSON"),
        (b'{"a\\nb": NaN}', "#/a b: nan"),
    ],
)
def test_a_fault_is_one_line_that_names_file_and_place(raw: bytes, place: str) -> None:
    message = fault(raw)
    assert message.startswith(f"a.yaml: {place}")
    assert len(message.splitlines()) == 1


def test_the_pure_loader_finds_the_same_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LOADER", yaml.BaseLoader)
    assert fault(b"a: 1\na: 2\n") == "a.yaml: line 2, column 1: the key 'a' stands here a second time"
    assert fault(b"a: " + b"[" * 5000).startswith("a.yaml: line 1, column 203: nested deeper")


def test_a_json_name_is_read_as_json() -> None:
    assert fault(b"a: 1\n", "a.json").startswith("a.json: line 1, column 1: no JSON")
    assert parse(b'\xef\xbb\xbf{"a": 1}', "a.json") == {"a": 1}


def test_the_deepest_allowed_nesting_is_read_either_way() -> None:
    levels = 198
    text = b'{"a":' + b"[" * levels + b"]" * levels + b"}"
    assert parse(text, "a.json") == parse(b"# yaml\n" + text, "a.yaml")


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    for path in (tmp_path / "no.yaml", tmp_path, Path("a\0b")):
        with pytest.raises(CodegenError, match=r"cannot be read: ."):
            load(path)


def test_load_names_the_file_without_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("- 1\n")
    with pytest.raises(CodegenError, match=r"^a\.yaml: #: "):
        load(tmp_path / "a.yaml")


@steady
@given(MAPPINGS)
def test_what_is_written_is_read_back(value: dict[str, JSON]) -> None:
    written = dump_json(value)
    assert parse(written, "a.json") == value
    assert list(parse(written, "a.json")) == list(value)
    assert written.endswith(b"\n")
    assert json.loads(written) == value


@steady
@given(MAPPINGS)
def test_json_read_as_yaml_is_the_same_value(value: dict[str, JSON]) -> None:
    assert parse(b"# yaml\n" + dump_json(value), "a.yaml") == value


@steady
@given(st.binary() | TEXT.map(str.encode) | st.text("ab:-[]{}&*!\"' \n1.?|>", max_size=40).map(str.encode))
def test_any_bytes_are_a_mapping_or_one_line(raw: bytes) -> None:
    try:
        value = parse(raw, "a.yaml")
    except CodegenError:
        message = fault(raw)
        assert message.startswith("a.yaml: ")
        assert len(message.splitlines()) == 1
    else:
        assert parse(dump_json(value), "a.json") == value


@steady
@given(st.lists(TEXT))
def test_a_pointer_tells_its_steps_apart(steps: list[str]) -> None:
    pointer = "#"
    for step in steps:
        pointer = child(pointer, step)
    assert [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]] == steps


def test_non_ascii_stays_and_nan_never_leaves() -> None:
    assert dump_json({"b": "\u00e9", "a": []}) == '{\n "b": "\u00e9",\n "a": []\n}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"a": float("nan")})


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_write_makes_the_folder_and_leaves_nothing_else(tmp_path: Path) -> None:
    write_atomically({tmp_path / "new" / "a": b"1", tmp_path / "b": b"2"})
    assert tree(tmp_path) == {"new/a": b"1", "b": b"2"}
    write_atomically({tmp_path / "b": b"3"})
    assert tree(tmp_path) == {"new/a": b"1", "b": b"3"}


def test_a_target_that_cannot_be_written_spoils_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    for bad in (tmp_path / "folder", tmp_path / "a" / "below"):
        with pytest.raises(CodegenError, match=r"cannot be written: .") as caught:
            write_atomically({tmp_path / "a": b"new", tmp_path / "c": b"new", bad: b"new"})
        assert len(str(caught.value).splitlines()) == 1
        assert tree(tmp_path) == {"a": b"old"}


@pytest.mark.parametrize("interruption", [OSError(5, "I/O error"), KeyboardInterrupt()])
def test_a_rename_that_fails_midway_is_undone(
    interruption: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target.name == "last":
            raise interruption
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises((CodegenError, KeyboardInterrupt)):
        write_atomically({tmp_path / name: b"new" for name in ("a", "b", "last")})
    assert tree(tmp_path) == {"a": b"old"}
