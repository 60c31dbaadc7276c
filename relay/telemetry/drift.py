"""What traffic has that the contract lacks, by name: an operator sees here that the upstream has moved.

Counted is what was sent on, once the upstream's status is known: what it refuses may be a typo, and what it
accepts is none. A name is the contract's own word, or looks like a word of an API; nothing else of a request
or an answer is kept.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json
from starlette.types import Scope

from generated.operations import Operation
from relay.contract import names
from relay.telemetry.drift_counter import DriftCounter
from relay.telemetry.drift_names import event_name, method_at, parameters_in, shape_of, word
from relay.validation import JUDGED_BYTES

# How many names of one request are counted, and how many objects, arrays and new names of its body looked at.
_MOST = 32
_LOOKS = 2_000
_CONTAINERS = frozenset({dict, list})
_PLACE_CHARACTERS = 160
_REFUSED, _FAILED = 400, 500
_EVENT = b"event:"
_EVENT_LINES = re.compile(rb"\n(event:[^\n]*)(?=\n)")
_LINE_CHARACTERS = 128
# The API's own way to end a stream and to keep it alive, and what an event without a name is called.
_EVENTS = frozenset({"", "error", "keepalive", "message", "ping"})


@dataclass(slots=True)
class Known:
    """What the contract knows of a value: the names in an object, None where any is, and of an array's items.

    A name, or an array, whose value is not looked into has None.
    """

    fields: "dict[str, Known | None] | None" = None
    items: "Known | None" = None


class Drift:
    """Counts by kind, operation, name and answer: `accepted`, `refused` (4xx), `unanswered` (5xx, or none).

    An alias counts as the operation that it is another name of. With `bodies`, those that are read are looked
    at, up to the size of those that are judged.
    """

    def __init__(self, counter: DriftCounter, *, bodies: bool) -> None:
        self._counter = counter
        known = names()
        nodes = linked(known["nodes"])
        self._bodies = {name: nodes[root] for name, root in known["bodies"].items() if bodies}
        self._parameters = {name: frozenset(found) for name, found in known["parameters"].items()}
        self._events = {
            name: frozenset(b"event: " + event.encode() for event in found)
            for name, found in known["events"].items()
        }

    def saw(
        self, scope: Scope, operation: Operation | None, body: object = None, status: int | None = None
    ) -> None:
        """Count what is new in a request that was sent on with `body`; no `status`: there was no answer."""
        if operation is None:
            self._saw_place(scope, status)
            return
        operation_id = operation.alias_of or operation.operation_id
        if scope["query_string"]:
            declared = self._parameters.get(operation_id, frozenset())
            for name in parameters_in(scope["query_string"], _MOST) - declared:
                self._count("parameter", operation_id, word(name), status)
        known = self._bodies.get(operation_id)
        if known is not None and isinstance(body, bytes) and 0 < len(body) <= JUDGED_BYTES:
            for name in unknown_fields(body, known):
                self._count("body_field", operation_id, name, status)

    def _saw_place(self, scope: Scope, status: int | None) -> None:
        routing = scope["extensions"]["connexion_routing"]
        if routing["operation_id"] is not None:
            return  # what a handler asks for itself
        lacks_method = routing["lacks_method"]
        name = method_at(scope) if lacks_method else shape_of(scope)
        if name is not None:
            self._count("method" if lacks_method else "path", "", name, status)

    def events(self, operation: Operation | None) -> "EventNames | None":
        """What follows a stream of `operation`, None where the contract has no names for its events."""
        operation_id = "" if operation is None else operation.alias_of or operation.operation_id
        known = self._events.get(operation_id)
        return None if known is None else EventNames(self._counter, operation_id, known)

    def _count(self, kind: str, operation_id: str, name: str, status: int | None) -> None:
        answer = "refused" if status is not None and _REFUSED <= status < _FAILED else "accepted"
        if status is None or status >= _FAILED:
            answer = "unanswered"
        self._counter.inc(kind, operation_id, name, answer)


class EventNames:
    """Looks for new names in a stream's `event` lines (WHATWG HTML, 9.2.6), each counted once a stream.

    A line that is split between two chunks is passed over, and so is one that follows a lone CR.
    """

    def __init__(self, counter: DriftCounter, operation_id: str, known: frozenset[bytes]) -> None:
        self._counter = counter
        self._operation_id = operation_id
        self._known = known
        self._counted: set[str] = set()
        self._at_line = True

    def saw(self, chunk: bytes) -> None:
        """Take note of the stream's next bytes; of none once no more names would be counted."""
        if len(self._counted) >= _MOST:
            return
        found = _EVENT_LINES.findall(chunk)
        if self._at_line and chunk.startswith(_EVENT) and (end := chunk.find(b"\n")) >= 0:
            found.append(chunk[:end])
        if not self._known.issuperset(found):
            for line in set(found) - self._known:
                self._look(line[len(_EVENT) : _LINE_CHARACTERS])
        self._at_line = chunk.endswith((b"\n", b"\r"))

    def _look(self, value: bytes) -> None:
        event = value.partition(b"\r")[0].removeprefix(b" ")
        name = event.decode("latin-1")
        if name in _EVENTS or b"event: " + event in self._known:
            return
        name = event_name(name)
        if name not in self._counted and len(self._counted) < _MOST:
            self._counted.add(name)
            self._counter.inc("event", self._operation_id, name, "accepted")


def linked(nodes: list[Any]) -> list[Known]:
    """The nodes of the generated table; its first is of values that are not looked into."""
    made = [Known() for _ in nodes]
    found: list[Known | None] = [None, *made[1:]]
    for known, (fields, items) in zip(made, nodes, strict=True):
        known.items = found[items]
        known.fields = None if fields is None else {name: found[inner] for name, inner in fields.items()}
    return made


def unknown_fields(body: bytes, known: Known) -> set[str]:
    """Where JSON has names that are not `known`, as `tools[].name`; none where it cannot be read."""
    try:
        value: Any = from_json(body, cache_strings="keys")
    except ValueError:
        return set()
    found: set[str] = set()
    looks = _LOOKS
    waiting = [(value, known, "")] if type(value) in _CONTAINERS else []
    while waiting and looks > 0:
        value, known, place = waiting.pop()
        looks -= 1
        if type(value) is list:
            if (items := known.items) is not None:
                place = f"{place[:-1]}[]."
                waiting += [(one, items, place) for one in value[:looks] if type(one) in _CONTAINERS]
        elif (fields := known.fields) is not None and len(place) < _PLACE_CHARACTERS:
            for name, inner in value.items():
                if name not in fields:
                    if looks <= 0 or len(found) >= _MOST:
                        return found
                    looks -= 1
                    found.add(place + word(name))
                elif type(inner) in _CONTAINERS and (within := fields[name]) is not None:
                    waiting.append((inner, within, f"{place}{name}."))
    return found
