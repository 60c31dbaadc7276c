"""Where in a file a value of it stands, for messages that name the line to change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

Steps = tuple[str | int, ...]


def of_yaml(text: str) -> dict[Steps, int]:
    """The line of each key and item of a YAML document, by its steps from the root.

    Lines count from 1. Of text that is no YAML, the lines before the fault.
    """
    found: dict[Steps, int] = {}
    try:
        events = yaml.parse(text, Loader=yaml.BaseLoader)
        for event in events:
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                _walk(event, events, (), found)
    except yaml.YAMLError:
        pass
    return found


def _walk(event: yaml.Event, events: Iterator[yaml.Event], at: Steps, found: dict[Steps, int]) -> None:
    found.setdefault(at, _line(event))
    if isinstance(event, yaml.MappingStartEvent):
        while not isinstance(key := next(events), yaml.MappingEndEvent):
            steps = (*at, str(getattr(key, "value", "")))
            found[steps] = _line(key)
            _walk(next(events), events, steps, found)
    elif isinstance(event, yaml.SequenceStartEvent):
        number = 0
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            _walk(item, events, (*at, number), found)
            number += 1


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def strings_of_python(path: Path, tables: frozenset[str]) -> Iterator[tuple[str, int]]:
    """The string keys of the dictionaries assigned to names in `tables`, with their lines."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id in tables for target in targets):
            # The table itself, which may be an argument; dictionaries inside it are its values.
            table = next((inner for inner in ast.walk(node) if isinstance(inner, ast.Dict)), None)
            for key in table.keys if table is not None else []:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, key.lineno


def functions_of_python(path: Path) -> Iterator[tuple[str, int]]:
    """The public coroutine functions of a module, with their lines."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.name, node.lineno
