"""Flow B: the events of a streamed answer arrive as they are made."""

import re
from dataclasses import dataclass
from typing import Any

from acceptance.answer import Unmet, equal, member, parsed, shown
from acceptance.client import Incoming
from acceptance.flow import Run

_ASKED = "Return exactly: " + " ".join(f"word{number}" for number in range(1, 41))
# The sandbox makes an event each so many milliseconds; other upstreams do not know the field.
_PACE = {"x-sandbox-delay-ms": "25"}
# A relay that collects the answer sends all of it within a moment; a model takes longer for forty words.
_LEAST_SECONDS = 0.3
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")


@dataclass(frozen=True, slots=True)
class _Event:
    """One event: its data, the number of the piece that completed it, and when that came."""

    data: Any
    piece: int
    seconds: float

    @property
    def type(self) -> Any:
        return member("each event", self.data, "type")


def run(run: Run) -> None:
    """Show the flow; raises Stopped."""
    body = {"model": run.model, "input": _ASKED, "stream": True, "store": False}
    with (
        run.step("a streamed answer is text/event-stream"),
        run.client.opened("POST", "/responses", json=body, headers=_PACE) as incoming,
    ):
        _check_head(incoming)
        events = _events(incoming)
    with run.step("its first event arrives before its last is made") as row:
        row.detail = _spread(events)
    with run.step("response.created, output_text.delta …, response.completed") as row:
        _check_sequence(events)
        row.detail = f"{len(events)} events"


def _check_head(incoming: Incoming) -> None:
    if (incoming.status, incoming.media_type) != (200, "text/event-stream"):
        came = f"{incoming.status} {incoming.media_type}"
        raise Unmet(f"{incoming.request}: 200 text/event-stream", f"{came} {shown(incoming.whole().body)}")


def _events(incoming: Incoming) -> list[_Event]:
    events = []
    rest = b""
    for piece, (seconds, chunk) in enumerate(incoming.chunks()):
        *blocks, rest = _BLANK_LINE.split(rest + chunk)
        found = [data for block in blocks if (data := _data(block))]
        events += [_Event(parsed("each event", data), piece, seconds) for data in found]
    if rest.strip():
        raise Unmet("an end of the stream between two events", shown(rest))
    if not events:
        raise Unmet("events", "none")
    return events


def _data(block: bytes) -> bytes:
    lines = [line.partition(b":") for line in block.splitlines()]
    return b"\n".join(value.removeprefix(b" ") for name, _, value in lines if name == b"data")


def _spread(events: list[_Event]) -> str:
    first, last = events[0], events[-1]
    seconds = last.seconds - first.seconds
    pieces = len({event.piece for event in events})
    came = f"{len(events)} events in {pieces} pieces over {seconds:.2f} s"
    if first.piece == last.piece or seconds < _LEAST_SECONDS:
        raise Unmet(f"the last event at least {_LEAST_SECONDS} s after the first", came)
    return came


def _check_sequence(events: list[_Event]) -> None:
    types = [event.type for event in events]
    equal("the first event", types[0], "response.created")
    equal("the last event", types[-1], "response.completed")
    deltas = [event.data for event in events if event.type == "response.output_text.delta"]
    done = [event.data for event in events if event.type == "response.output_text.done"]
    equal("events response.output_text.done", len(done), 1)
    if len(deltas) < 2:  # noqa: PLR2004 - one delta is no stream
        raise Unmet("two events response.output_text.delta or more", str(len(deltas)))
    text = "".join(str(member("each delta", data, "delta")) for data in deltas)
    equal("the deltas joined", text, member("response.output_text.done", done[0], "text"))
    numbers = [member("each event", event.data, "sequence_number") for event in events]
    equal("sequence numbers", numbers, list(range(len(events))))
