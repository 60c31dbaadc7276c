"""Event streams of two answers, compared event by event."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from acceptance.diff import values
from acceptance.diff.exchange import Exchange
from acceptance.diff.finding import NOTHING, Finding

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_BROKEN = "the upstream broke off, and the relay says so: it never finishes a broken stream"
_CUT = "the relay cuts a stream that ends before its last event"
# Beyond, a shift is looked for no longer: finding one takes the square of the time.
_MOST_ALIGNED = 5_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name, by the field or by `type` of its data, its data and that as JSON, if it is."""

    name: str
    data: bytes
    value: Any

    @property
    def is_json(self) -> bool:
        """Whether its data is JSON."""
        return self.value is not None

    def told(self) -> str:
        """The event for a reader."""
        return f"{self.name}: {self.data.decode(errors='replace')}"


def events(body: bytes) -> list[Event]:
    """The events of a stream, an unfinished one at its end among them (HTML, 9.2.6); comments are none."""
    blocks = [block for block in _BLANK_LINE.split(body) if block.strip()]
    return [found for block in blocks if (found := _event(block)) is not None]


def _event(block: bytes) -> Event | None:
    lines = [line.partition(b":") for line in block.splitlines() if not line.startswith(b":")]
    data = b"\n".join(value.removeprefix(b" ") for name, _, value in lines if name == b"data")
    names = [value.strip().decode(errors="replace") for name, _, value in lines if name == b"event"]
    if not lines:
        return None
    try:
        value = values.parsed(data)
    except values.NoJSON:
        value = None
    typed = value.get("type") if isinstance(value, dict) else None
    return Event(names[-1] if names else str(typed or "message"), data, value)


def differing(direct: Exchange, relayed: Exchange, *, makes: bool) -> Iterator[Finding]:
    """How many events there are, which came to one side alone, what else differs, and which is the last."""
    here, there = events(direct.body), events(relayed.body)
    reason = _ending(here, there, direct, relayed)
    ours = there[:-1] if reason else there
    if reason:
        yield Finding("events, at the end", NOTHING, there[-1].told(), reason)
    if len(here) != len(ours):
        yield Finding("events, their number", str(len(here)), str(len(ours)))
    yield from _aligned(here, ours, makes=makes)
    ends = [found[-1].name if found else NOTHING for found in (here, ours)]
    if ends[0] != ends[1]:
        yield Finding("events, the last one", *ends)
    if bool(direct.broken) != bool(relayed.broken):
        yield Finding("end of the stream", direct.broken or "whole", relayed.broken or "whole", reason)


def _ending(here: list[Event], there: list[Event], direct: Exchange, relayed: Exchange) -> str:
    """Why the relay has said an error more than the upstream, and then broken off."""
    if not relayed.broken or not there or here[-1:] == there[-1:] or not isinstance(there[-1].value, dict):
        return ""
    error = there[-1].value.get("error", there[-1].value)
    code = str(error.get("code")) if isinstance(error, dict) else ""
    if code == "upstream_truncated":
        return _CUT
    return _BROKEN if direct.broken and code.startswith("upstream_") else ""


def _aligned(here: list[Event], there: list[Event], *, makes: bool) -> Iterator[Finding]:
    if max(len(here), len(there)) > _MOST_ALIGNED:
        steps = [(0, len(here), 0, len(there))]
    else:
        ours, theirs = ([_key(event, makes=makes) for event in side] for side in (here, there))
        matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
        steps = [step[1:] for step in matcher.get_opcodes()]
    for first, last, begin, end in steps:
        both = min(last - first, end - begin)
        for offset in range(both):
            yield from _pair(
                f"events[{first + offset}]", here[first + offset], there[begin + offset], makes=makes
            )
        for index in range(first + both, last):
            yield Finding(f"events[{index}]", here[index].told(), NOTHING)
        for index in range(begin + both, end):
            yield Finding(f"events[{index}]", NOTHING, there[index].told())


def _key(event: Event, *, makes: bool) -> str:
    value = values.bare(event.value, makes=makes) if event.is_json else event.data.decode(errors="replace")
    return event.name + json.dumps(value, default=str)


def _pair(place: str, here: Event, there: Event, *, makes: bool) -> Iterator[Finding]:
    if here.name != there.name:
        yield Finding(f"{place}, its name", here.name, there.name)
    if here.is_json and there.is_json:
        yield from values.differing(f"{place}.data", here.value, there.value, makes=makes)
    elif here.data != there.data:
        yield Finding(
            f"{place}.data", here.data.decode(errors="replace"), there.data.decode(errors="replace")
        )
