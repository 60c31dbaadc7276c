"""Members set in a JSON object by editing its text: what is not named keeps every digit and space."""

import json
import re
from collections.abc import Container, Mapping
from typing import Any, TypeAlias

from relay.errors import InvalidJSON

# Only places are read here, so numbers stay text: none is too long, and none is rounded.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_Members: TypeAlias = Mapping[str, object]
_TOKEN = re.compile(r"[^ \t\n\r,:]")


def with_members(body: bytes, missing: _Members, always: _Members, without: Container[str] = ()) -> bytes:
    """The JSON object `body` with the members of `missing` that it lacks, and those of `always` as given.

    Those that `without` names are left out. Any other JSON value becomes the member `input` of an object.
    Raises InvalidJSON.
    """
    try:
        whole = body.decode()
        value = _DECODER.decode(whole)
    except (ValueError, RecursionError) as error:
        raise InvalidJSON(f"The request body cannot be read as JSON: {error}") from None
    text = given = whole.strip(" \t\n\r")
    if not isinstance(value, dict):
        text, value = f'{{"input": {text}}}', {"input": value}
    if without:
        text = _cut(text, without)
        value = {name: kept for name, kept in value.items() if name not in without}
    if not always.keys().isdisjoint(value):
        text = _replaced(text, always)
    new = {name: wanted for name, wanted in {**missing, **always}.items() if name not in value}
    edited = f"{json.dumps(new)[:-1]}{', ' if new and value else ''}{text[1:]}"
    return whole.replace(given, edited, 1).encode()


def _replaced(text: str, values: _Members) -> str:
    """The valid JSON object `text` with other values for the members that `values` names."""
    pieces, done = [], 0
    for name, place in places(text):
        if name in values:
            pieces += [text[done : place.start], json.dumps(values[name])]
            done = place.stop
    return "".join([*pieces, text[done:]])


def _cut(text: str, without: Container[str]) -> str:
    """The valid JSON object `text` without the members that `without` names."""
    pieces: list[str] = []
    done = 1
    for name, place in places(text):
        if name not in without:
            member = text[done : place.stop]
            pieces.append(member if pieces or done == 1 else member.partition(",")[2])
        done = place.stop
    return "".join(["{", *pieces, text[done:]])


def values_of(body: bytes, name: str) -> list[Any]:
    """Each value of the member `name` of a valid JSON object, in order; numbers as they are written."""
    text = body.decode().strip(" \t\n\r")
    return [_DECODER.decode(text[place]) for found, place in places(text) if found == name]


def places(text: str) -> list[tuple[str, slice]]:
    """Where the value of each member stands in a valid JSON object: in order, and as often as it comes."""
    found: list[tuple[str, slice]] = []
    at = next(_TOKEN.finditer(text, 1)).start()
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        start = next(_TOKEN.finditer(text, end)).start()
        _, end = _DECODER.raw_decode(text, start)
        found.append((name, slice(start, end)))
        at = next(_TOKEN.finditer(text, end)).start()
    return found
