"""Event streams read whole and simply (WHATWG HTML, 9.2.5 and 9.2.6), to hold the relay's reading against."""

import json
import re
from collections.abc import Collection


def blocks(stream: bytes) -> tuple[list[list[str]], list[str]]:
    """The lines of each block that a blank line ends, and those after the last one; comments are kept."""
    lines = re.split(r"\r\n|\n|\r", stream.decode("utf-8", "replace").removeprefix("\ufeff"))
    ended: list[list[str]] = [[]]
    for line in lines[:-1]:
        if line:
            ended[-1].append(line)
        else:
            ended.append([])
    return ended[:-1], [*ended[-1], *lines[-1:]]


def fields(block: list[str]) -> tuple[str, str] | None:
    """The event's name and data; None where the block has neither."""
    name, data = None, None
    for line in block:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data = value if data is None else f"{data}\n{value}"
    return None if name is None and data is None else (name or "", data or "")


def events_in(stream: bytes) -> list[tuple[str, str]]:
    """The names and the data of the events that are whole."""
    found = [fields(block) for block in blocks(stream)[0]]
    return [event for event in found if event is not None]


def is_whole(stream: bytes, ends: Collection[str]) -> bool:
    """Whether a stream's last event ends it, or it stops after `[DONE]` without a blank line."""
    if (fields(blocks(stream)[1]) or ("", ""))[1] == "[DONE]":
        return True
    events = events_in(stream)
    return bool(events) and is_end(*events[-1], ends)


def is_end(name: str, data: str, ends: Collection[str]) -> bool:
    """Whether an event with this name ends a stream, or one whose data begins with such a JSON value."""
    if data == "[DONE]" or name in {"error", *ends}:
        return True
    try:
        value, _ = json.JSONDecoder().raw_decode(data.lstrip(" \t\n\r"))
    except ValueError:
        return False
    return isinstance(value, dict) and (value.get("type") in {"error", *ends} or bool(value.get("error")))
