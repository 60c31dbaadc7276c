"""Reading YAML and JSON strictly, and writing files whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from codegen.errors import CodegenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

JSON = Any
_Mark = Any

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DEEPEST = 200  # levels; OpenAI's document has about twenty, Python's own limit is met near a thousand

# YAML 1.2.2 section 10.3.2: so `no` and 2024-10-01 are strings, where PyYAML itself follows YAML 1.1.
_SCALAR = re.compile(
    r"(?P<null>null|Null|NULL|~|)|(?P<bool>true|True|TRUE|false|False|FALSE)"
    r"|(?P<int>[-+]?[0-9]+)|(?P<based>0o[0-7]+|0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
    r"|(?P<unbounded>[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))"
)
_CORE: dict[str, Callable[[str], JSON]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "based": lambda text: int(text, 0),
    "float": float,
    "unbounded": lambda text: float(text.replace(".", "")),
}


class _Repeated(dict[str, JSON]):
    """A JSON object that has a member twice; found by the walk, which knows the place."""

    member = ""


def child(pointer: str, key: str | int) -> str:
    """Extend a JSON pointer by one step (RFC 6901 section 3)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def load(path: Path) -> dict[str, JSON]:
    """Read a YAML or JSON file; its root is a mapping. Raises CodegenError."""
    return parse(read(path), path.name)


def read(path: Path) -> bytes:
    """Read the bytes of a file. Raises CodegenError where it cannot be read."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
        raise CodegenError(f"{path.name or path}: cannot be read: {_told(error)}") from error


def parse(raw: bytes, name: str) -> dict[str, JSON]:
    """Read JSON (a name in .json, or text that begins with a brace) or YAML 1.2 with the core schema.

    The root is a mapping, and every value is one that strict JSON can hold (RFC 8259): refused are repeated
    and non-string keys, anchors, tags, NaN, infinities and deep nesting. Raises CodegenError.
    """
    text = _decoded(raw, name)
    is_json = name.endswith(".json") or text.lstrip().startswith("{")
    try:
        value = _from_json(text, name) if is_json else _from_yaml(text, name)
    except RecursionError as error:
        raise CodegenError(f"{name}: #: nested deeper than {_DEEPEST} levels") from error
    if not isinstance(value, dict):
        raise CodegenError(f"{name}: #: the root is no mapping")
    _refuse_unjson(value, "#", name, _DEEPEST)
    return value


def _told(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _decoded(raw: bytes, name: str) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CodegenError(f"{name}: line {line}: not UTF-8 (byte {error.start})") from error
    if not text.strip():
        raise CodegenError(f"{name}: line 1: the file is empty")
    return text


def _from_json(text: str, name: str) -> JSON:
    try:
        return json.loads(text, object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CodegenError(f"{name}: {place}: no JSON: {error.msg}") from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise CodegenError(f"{name}: #: no JSON: {error}") from error


def _members(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeated = _Repeated(members)
    keys = [key for key, _ in pairs]
    repeated.member = next(key for key in members if keys.count(key) > 1)
    return repeated


def _from_yaml(text: str, name: str) -> JSON:
    try:
        return _Builder(name, yaml.parse(text, Loader=_LOADER)).document()
    except yaml.MarkedYAMLError as error:
        raise _fault(name, error.problem_mark, f"no YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise CodegenError(f"{name}: line {line}: no YAML: {error}") from error


class _Builder:
    """Builds the value of one YAML document from its events.

    From events, because PyYAML's C composer recurses without a bound: deep nesting would end the process.
    """

    def __init__(self, name: str, events: Iterator[yaml.Event]) -> None:
        self.name = name
        self.events = events

    def document(self) -> JSON:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise CodegenError(f"{self.name}: line 1: the file is empty")
        value = self.value(next(self.events), _DEEPEST)
        next(self.events)
        if not isinstance(event := next(self.events), yaml.StreamEndEvent):
            raise _fault(self.name, event.start_mark, "a second document begins here")
        return value

    def value(self, event: yaml.Event, levels: int) -> JSON:
        if levels == 0:
            raise self.fault(event, f"nested deeper than {_DEEPEST} levels")
        if getattr(event, "anchor", None) is not None:
            raise self.fault(event, "anchors and aliases are not read: write the value out")
        if getattr(event, "tag", None) is not None:
            raise self.fault(event, "tags are not read: write a plain value")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(levels - 1)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self.value(item, levels - 1) for item in self.until(yaml.SequenceEndEvent)]
        assert isinstance(event, yaml.ScalarEvent)
        return self.scalar(event)

    def until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self.events), end):
            yield event

    def mapping(self, levels: int) -> dict[str, JSON]:
        members: dict[str, JSON] = {}
        for event in self.until(yaml.MappingEndEvent):
            key = self.value(event, levels)
            if not isinstance(key, str):
                raise self.fault(event, f"the key {key!r} is no string: quote it")
            if key in members:
                raise self.fault(event, f"the key {key!r} stands here a second time")
            members[key] = self.value(next(self.events), levels)
        return members

    def scalar(self, event: yaml.ScalarEvent) -> JSON:
        text: str = event.value
        plain = event.implicit[0]
        if not plain or not (found := _SCALAR.fullmatch(text)):
            return text
        try:
            return _CORE[str(found.lastgroup)](text)
        except ValueError as error:  # an integer of more digits than Python converts
            raise self.fault(event, f"no number: {error}") from error

    def fault(self, event: yaml.Event, text: str) -> CodegenError:
        return _fault(self.name, event.start_mark, text)


def _fault(name: str, mark: _Mark, text: str) -> CodegenError:
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return CodegenError(f"{name}: {place}{text}")


def _refuse_unjson(value: JSON, pointer: str, name: str, levels: int) -> None:
    """Walk a value for what JSON text cannot say, or says in more ways than one."""
    if levels == 0:
        raise CodegenError(f"{name}: {pointer}: nested deeper than {_DEEPEST} levels")
    if isinstance(value, _Repeated):
        raise CodegenError(f"{name}: {pointer}: the key {value.member!r} stands here a second time")
    if isinstance(value, float) and not math.isfinite(value):
        raise CodegenError(f"{name}: {pointer}: {value} is no JSON number")
    if isinstance(value, str):
        _refuse_surrogates(value, pointer, name)
    for key, item in _children(value):
        if isinstance(key, str):
            _refuse_surrogates(key, pointer, name)
        _refuse_unjson(item, child(pointer, key), name, levels - 1)


def _children(value: JSON) -> Iterator[tuple[str | int, JSON]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _refuse_surrogates(text: str, pointer: str, name: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise CodegenError(f"{name}: {pointer}: half a surrogate pair: no UTF-8 can hold it")


def dump_json(value: JSON) -> bytes:
    """Write JSON the one way it is written here: UTF-8, an indent of one, keys as given, a final newline."""
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def write_atomically(files: Mapping[Path, bytes]) -> None:
    """Write every file, or leave all as they were. Makes missing folders. Raises CodegenError.

    The new contents first lie beside their targets under temporary names; then all are renamed. Where a
    rename fails, the targets renamed before it get their old contents back.
    """
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in files}
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path].write_bytes(content)
        _rename(temporary)
    except OSError as error:
        name = error.filename2 or error.filename
        raise CodegenError(f"{name}: cannot be written: {_told(error)}") from error
    finally:
        for leftover in temporary.values():
            with suppress(OSError):
                leftover.unlink()


def _rename(temporary: Mapping[Path, Path]) -> None:
    before = {path: path.read_bytes() if path.exists() else None for path in temporary}
    try:
        for path, new in temporary.items():
            new.replace(path)
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
        raise
