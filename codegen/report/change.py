"""One change between two states of a document, and for whom it breaks what worked before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

JSON = Any

REQUEST = "request"
RESPONSE = "response"
BOTH = frozenset({REQUEST, RESPONSE})


class Effect(Enum):
    """What a change does to the values that are valid.

    A client that sends is broken by what is no longer taken, one that reads by what it was never given
    before. That new fields, values of enumerations, events and members of unions may come is what OpenAI
    asks every client to expect, so those break nobody.
    """

    NEW = auto()
    """There is something more to use or to read, or a bound is wider."""
    GONE = auto()
    """What could be used, read or waited for is there no more."""
    NARROWER = auto()
    """Less is valid than before."""
    WIDER = auto()
    """More is valid than before, of a kind that a reader has to handle."""
    OTHER = auto()
    """Neither contains the other, or nobody can tell."""
    NONE = auto()
    """The same values are valid, or values are not concerned."""


_BREAKS = {
    Effect.GONE: BOTH,
    Effect.NARROWER: frozenset({REQUEST}),
    Effect.WIDER: frozenset({RESPONSE}),
    Effect.OTHER: BOTH,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    `where` is the operation (`POST /files`), the component (`schema Response`) or `the document`; `place` is
    within it, empty for the whole. `subject` is what changed (`field`, `event`), `what` how (`added`),
    `detail` from what to what. `operations` are the ids of those that it concerns.
    """

    where: str
    place: str
    subject: str
    what: str
    detail: str
    breaking: bool
    operations: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The change without where it is: `field tools[].name added: string`."""
        named = " ".join(part for part in (self.subject, f"`{self.place}`" if self.place else "") if part)
        return f"{named} {self.what}" + (f": {self.detail}" if self.detail else "")

    def as_json(self) -> dict[str, JSON]:
        """The change as an object of JSON."""
        return {
            "where": self.where,
            "place": self.place,
            "subject": self.subject,
            "what": self.what,
            "detail": self.detail,
            "breaking": self.breaking,
            "operations": list(self.operations),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a comparison has got to: what is inside `where`, and which way values go there.

    `field` is the dotted name of a field in a body (`tools[].name`), `part` what it is in (`request body`).
    `seen` are the pairs of references that were followed on the way, so that recursion ends.
    """

    where: str
    directions: frozenset[str]
    operations: tuple[str, ...] = ()
    part: str = ""
    field: str = ""
    events: bool = False
    seen: frozenset[tuple[str, str]] = frozenset()

    def inside(self, part: str) -> Place:
        """The place of a named part: `request body`, `query parameter limit`."""
        return replace(self, part=f"{self.part}, {part}" if self.part else part)

    def step(self, step: str) -> Place:
        """The place of a field, of an item (`[]`) or of another subschema inside this one."""
        glue = "." if self.field and not step.startswith("[") else ""
        return replace(self, field=f"{self.field}{glue}{step}", events=False)

    @property
    def name(self) -> str:
        """What stands in the report for it."""
        return ": ".join(part for part in (self.part, self.field) if part)

    def change(self, subject: str, what: str, effect: Effect, detail: str = "") -> Change:
        """A change here, which breaks what `effect` says for the directions of this place."""
        breaking = bool(_BREAKS.get(effect, frozenset()) & self.directions)
        return Change(self.where, self.name, subject, what, detail, breaking, self.operations)
