"""Every kind of change of a schema is told as what it is, wherever it stands, and breaks whom it breaks."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.codegen.report.differences import kept
from tests.codegen.report.documents import DOCUMENTS
from tests.codegen.report.scenes import BOTH, DIRECTIONS, EVENTS, READ, SENT, STEPS, Row, placed, rows, told

JSON = Any

RUN = settings(
    max_examples=3, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@dataclass(frozen=True)
class Kind:
    """A change: from what to what, how it is told, and whom it breaks, who sends and who reads."""

    before: JSON
    after: JSON
    told: tuple[str, str]
    breaks: tuple[bool, bool]

    def row(self, direction: str) -> Row:
        """How it is told for what goes one way, or both."""
        sender, reader = self.breaks
        breaks = (sender and direction in (*SENT, BOTH)) or (reader and direction in (*READ, BOTH))
        return (*self.told, breaks)


def an_object(*required: str, **fields: JSON) -> JSON:
    return {"type": "object", "properties": fields, "required": sorted(required)}


TEXT, COUNT = {"type": "string"}, {"type": "integer"}
NULL = {"type": "null"}
PLAIN, MORE = an_object(kind=TEXT), an_object(kind=TEXT, more=TEXT)
NEEDED = an_object("more", kind=TEXT, more=TEXT)
A, AB = {"enum": ["a"], "type": "string"}, {"enum": ["a", "b"], "type": "string"}
TAGGED = [an_object("type", type={"type": "string", "enum": [name]}) for name in "xyz"]
NEITHER, SENDER, READER, EVERYBODY = (False, False), (True, False), (False, True), (True, True)

KINDS = {
    "a field comes": Kind(PLAIN, MORE, ("field", "added"), NEITHER),
    "a field that has to be sent comes": Kind(PLAIN, NEEDED, ("field", "added"), SENDER),
    "a field goes": Kind(MORE, PLAIN, ("field", "removed"), EVERYBODY),
    "a required field goes": Kind(NEEDED, PLAIN, ("field", "removed"), EVERYBODY),
    "a field has to be sent": Kind(MORE, NEEDED, ("field", "became required"), SENDER),
    "a field may be missing": Kind(NEEDED, MORE, ("field", "became optional"), READER),
    "a field is deprecated": Kind(TEXT, {**TEXT, "deprecated": True}, ("deprecated", "added"), NEITHER),
    "another type": Kind(TEXT, COUNT, ("type", "retyped"), EVERYBODY),
    "null may come": Kind(TEXT, {"type": ["string", "null"]}, ("type", "retyped"), READER),
    "null may come, as 3.0 says it": Kind(TEXT, {**TEXT, "nullable": True}, ("type", "retyped"), READER),
    "null is taken no more": Kind({"type": ["string", "null"]}, TEXT, ("type", "retyped"), SENDER),
    "any type": Kind(TEXT, {}, ("type", "retyped"), READER),
    "a choice of types": Kind(TEXT, {"anyOf": [TEXT, COUNT]}, ("type", "retyped"), READER),
    "one of the choice": Kind({"anyOf": [TEXT, COUNT]}, TEXT, ("type", "retyped"), SENDER),
    "a value comes": Kind(A, AB, ("values", "added"), NEITHER),
    "a value goes": Kind(AB, A, ("values", "removed"), EVERYBODY),
    "a value is another": Kind({"const": 1}, {"const": True}, ("values", "removed"), EVERYBODY),
    "only some values": Kind(TEXT, A, ("values", "limited to"), SENDER),
    "any value": Kind(A, TEXT, ("values", "no longer limited to"), NEITHER),
    "a member comes": Kind(
        {"oneOf": TAGGED[:2]}, {"oneOf": [TAGGED[2], *TAGGED[:2]]}, ("member", "added"), NEITHER
    ),
    "a member goes": Kind({"oneOf": TAGGED}, {"oneOf": TAGGED[1:]}, ("member", "removed"), EVERYBODY),
    "a member of another type comes": Kind(
        {"anyOf": [TEXT, COUNT]}, {"anyOf": [TEXT, COUNT, NULL]}, ("member", "added"), READER
    ),
    "a part comes": Kind({"allOf": [PLAIN]}, {"allOf": [PLAIN, A]}, ("part", "added"), SENDER),
    "a part goes": Kind({"allOf": [PLAIN, A]}, {"allOf": [PLAIN]}, ("part", "removed"), EVERYBODY),
    "a maximum comes": Kind(COUNT, {**COUNT, "maximum": 9}, ("maximum", "added"), SENDER),
    "a lower maximum": Kind({**COUNT, "maximum": 9}, {**COUNT, "maximum": 8}, ("maximum", "changed"), SENDER),
    "a lower minimum": Kind(
        {**COUNT, "minimum": 9}, {**COUNT, "minimum": 8}, ("minimum", "changed"), NEITHER
    ),
    "another pattern": Kind(
        {**TEXT, "pattern": "a"}, {**TEXT, "pattern": "b"}, ("pattern", "changed"), EVERYBODY
    ),
    "another default": Kind(
        {**TEXT, "default": "a"}, {**TEXT, "default": "b"}, ("default", "changed"), SENDER
    ),
    "a default comes": Kind(TEXT, {**TEXT, "default": "a"}, ("default", "added"), NEITHER),
    "another format": Kind(
        {**TEXT, "format": "date"}, {**TEXT, "format": "uri"}, ("format", "changed"), EVERYBODY
    ),
    "another title": Kind({**TEXT, "title": "A"}, {**TEXT, "title": "B"}, ("title", "changed"), NEITHER),
    "other items": Kind(
        {"type": "array", "items": TEXT}, {"type": "array", "items": COUNT}, ("type", "retyped"), EVERYBODY
    ),
    "nothing besides": Kind(
        PLAIN, {**PLAIN, "additionalProperties": False}, ("additionalProperties", "added"), SENDER
    ),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
@RUN
@given(DOCUMENTS, st.lists(st.sampled_from(STEPS), max_size=3))
def test_a_change_of_a_schema_is_told_as_what_it_is(
    direction: str, document: dict[str, JSON], steps: list[str]
) -> None:
    assume(kept(document) is not None)
    for name, kind in KINDS.items():
        before, after = (placed(document, one, direction, steps) for one in (kind.before, kind.after))
        row = kind.row(direction)
        if row[0] == "member" and not steps and direction in EVENTS:
            row = ("event", *row[1:])
        found = set(rows(told(before, after)))
        assert {one for one in found if one[:2] == row[:2]} == {row}, name
        assert {one for one in found if one[2]} <= {row}, name
