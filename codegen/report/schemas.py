"""Compares two schemas by their keywords (JSON Schema 2020-12); references are followed where they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from codegen.report import fields, keywords
from codegen.report.change import Change, Effect, Place
from codegen.report.keywords import INNER, NAMED, of_booleans
from codegen.report.members import (
    UNIONS,
    are_of_one_type,
    bare,
    is_named,
    is_reference,
    less,
    members_of,
    reference_of,
    same,
    tag_of,
    text_of,
    without_reference,
)
from codegen.report.references import target_of
from codegen.report.words import name_of, told, types_of

JSON = Any
Schema = dict[str, JSON]

# What says the kind of value: where one is there on one side alone, the whole schema is told as another one.
_FORMS = (UNIONS, ("allOf",), ("$ref",))
_STEPS = {"items": "[]", "additionalProperties": "{}"}


@dataclass
class Schemas:
    """Compares schemas of two documents.

    `direct` are components that operations of the new one use by themselves. `renamed` are those that have
    another name now, old to new: it grows while schemas are compared.
    """

    old: dict[str, Schema]
    new: dict[str, Schema]
    direct: frozenset[str] = frozenset()
    renamed: dict[str, str] = field(default_factory=dict)

    def compare(self, old: JSON, new: JSON, place: Place) -> Iterator[Change]:
        """Every change from `old` to `new`, which stand at `place`."""
        if same(old, new):
            return
        if not isinstance(old, dict) or not isinstance(new, dict):
            yield place.change("schema", "changed", of_booleans(old, new), f"{told(old)} → {told(new)}")
            return
        if old.get("$ref") == new.get("$ref"):
            yield from self._keywords(old, new, place)
        elif reference_of(old) == reference_of(new):
            yield from self._mixed(old, new, place)
        else:
            yield from self._referred(old, new, place)

    def _referred(self, old: Schema, new: Schema, place: Place) -> Iterator[Change]:
        """Of schemas that refer to different components, or of which one refers to none."""
        names = tuple(name_of(one["$ref"]) if "$ref" in one else "" for one in (old, new))
        if self._is_renaming(*names):
            yield from self._keywords(without_reference(old), without_reference(new), place)
            return
        pair = (names[0] or text_of(old), names[1] or text_of(new))
        if pair in place.seen:
            return
        inner = replace(place, seen=place.seen | {pair})
        wholes = self._whole(old, self.old), self._whole(new, self.new)
        # Where the content says the same, it is only written in another place.
        effect = Effect.OTHER if None in wholes else Effect.NONE
        yield place.change("schema", "refers elsewhere", effect, f"{told(old)} → {told(new)}")
        if effect is Effect.NONE:
            yield from self.compare(*wholes, inner)

    def _mixed(self, old: Schema, new: Schema, place: Place) -> Iterator[Change]:
        """Of a component, and a mixture of the same one and something more."""
        parts = [one.get("allOf", [{"$ref": one.get("$ref")}]) for one in (old, new)]
        apart = {"$ref", "allOf", "title"}
        before, after = ({key: one[key] for key in one if key not in apart} for one in (old, new))
        changes = [
            *self._matched(parts[0], parts[1], place, mixed=True),
            *self._keywords(before, after, place),
        ]
        if not changes:
            yield place.change("schema", "written otherwise", Effect.NONE, f"{told(old)} → {told(new)}")
        yield from changes

    def _is_renaming(self, before: str, after: str) -> bool:
        if self.renamed.get(before) == after:
            return True
        gone = before in self.old and before not in self.new and before not in self.renamed
        come = after in self.new and after not in self.old and after not in self.renamed.values()
        if not (gone and come):
            return False
        self.renamed[before] = after
        return True

    def _whole(self, schema: JSON, components: dict[str, Schema]) -> JSON:
        """What a schema says when its references are followed; None for one that leads out of the schemas."""
        seen = set()
        while isinstance(schema, dict) and "$ref" in schema and schema["$ref"] not in seen:
            seen.add(schema["$ref"])
            target = target_of(schema["$ref"], {"components": {"schemas": components}})
            beside = without_reference(schema)
            schema = {**target, **beside} if isinstance(target, dict) else target
        return schema

    def _keywords(self, old: Schema, new: Schema, place: Place) -> Iterator[Change]:
        if _form(old) != _form(new):
            detail = f"{told(old)} → {told(new)}"
            yield place.change("type", "retyped", self._of_forms(old, new), detail)
            return
        yield from keywords.of_types(old, new, place)
        yield from keywords.of_values(old, new, place)
        yield from self._properties(old, new, place)
        yield from self._unions(old, new, place)
        yield from self._inner(old, new, place)
        yield from keywords.of_rest(old, new, place)

    def _of_forms(self, old: Schema, new: Schema) -> Effect:
        """A schema that became one member of a choice, or was one, is wider or narrower for it."""
        if bare(old) in map(bare, members_of(new)):
            return Effect.WIDER
        return Effect.NARROWER if bare(new) in map(bare, members_of(old)) else Effect.OTHER

    def _properties(self, old: Schema, new: Schema, place: Place) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed = set(new.get("required", []))
        for name in sorted(before.keys() | after.keys()):
            at = place.step(name)
            if name not in before:
                effect = Effect.NARROWER if name in needed else Effect.NEW
                said = f"{told(after[name])}{', required' if name in needed else ''}"
                yield at.change("field", "added", effect, said)
            elif name not in after:
                yield from self._gone(name, before[name], at)
            else:
                yield from self.compare(before[name], after[name], at)
        yield from keywords.of_required(old, new, place)
        yield from keywords.of_presence("properties", old, new, place)

    def _gone(self, name: str, old: JSON, place: Place) -> Iterator[Change]:
        """A field that is not there any more, unless all that is made of this component has it itself now."""
        component = place.where.removeprefix("schema ")
        top = place.field == name and not place.part
        now = fields.homes(component, name, self.new, self.direct) if top else None
        if now is None:
            yield place.change("field", "removed", Effect.GONE, told(old))
            return
        yield place.change("field", "moved", Effect.NONE, f"into {', '.join(sorted(now))}")
        for one, schema in now.items():
            yield from self.compare(old, schema, replace(place, where=f"schema {one}"))

    def _unions(self, old: Schema, new: Schema, place: Place) -> Iterator[Change]:
        for keyword in ("anyOf", "oneOf", "allOf"):
            if (keyword in old) != (keyword in new) and keyword in UNIONS:
                detail = f"{keyword} {'added' if keyword in new else 'removed'}"
                yield place.change("schema", "written otherwise", Effect.NONE, detail)
        before, after = members_of(old), members_of(new)
        flat = self._flat(before, self.old, after, set()), self._flat(after, self.new, before, set())
        if (flat[0], flat[1]) != (before, after) and not less(*flat) and not less(*reversed(flat)):
            yield place.change("schema", "written otherwise", Effect.NONE, "its members in place of a union")
        yield from self._matched(*flat, place, mixed=False)
        yield from self._matched(old.get("allOf", []), new.get("allOf", []), place, mixed=True)
        yield from self._listed(old.get("prefixItems", []), new.get("prefixItems", []), place)

    def _matched(self, old: list[JSON], new: list[JSON], place: Place, *, mixed: bool) -> Iterator[Change]:
        """The members of unions: what has one identity is compared, the rest comes and goes."""
        pairs, gone, come = self._paired(old, new)
        for before, after in pairs:
            name = None if mixed else self._name(after, self.new)
            yield from self.compare(
                before, after, place.step(f"({name})") if name else replace(place, events=False)
            )
        subject = "part" if mixed else "event" if place.events else "member"
        for member in gone:
            yield place.change(subject, "removed", Effect.GONE, self.called(member, self.old))
        for member in come:
            effect = Effect.NARROWER if mixed else Effect.NEW if self._is_named(member) else Effect.WIDER
            yield place.change(subject, "added", effect, self.called(member, self.new))

    def _paired(
        self, old: list[JSON], new: list[JSON]
    ) -> tuple[list[tuple[JSON, JSON]], list[JSON], list[JSON]]:
        gone, come = list(old), list(new)
        pairs = []
        for identity in (text_of, self._identity, self._tag):
            waiting: dict[JSON, list[JSON]] = defaultdict(list)
            for member in come:
                waiting[identity(member)].append(member)
            left = []
            for member in gone:
                twins = waiting[identity(member)]
                if twins:
                    pairs.append((member, twins.pop(0)))
                else:
                    left.append(member)
            gone, come = left, [member for twins in waiting.values() for member in twins]
        if len(gone) == len(come) == 1 and are_of_one_type(gone[0], come[0]):
            pairs.append((gone.pop(), come.pop()))
        return pairs, gone, come

    def _identity(self, member: JSON) -> JSON:
        """What makes a member the same one as before, whatever has changed within it."""
        if not isinstance(member, dict):
            return text_of(member)
        reference = reference_of(member)
        if reference is not None:
            return self.renamed.get(reference, reference)
        tag = tag_of(member)
        return tag or text_of([member.get("title"), sorted(types_of(member) or ()), member.get("format")])

    def _tag(self, member: JSON) -> JSON:
        reference = reference_of(member)
        schemas = self.new if reference in self.new else self.old
        return tag_of(schemas.get(reference, {}) if reference else member) or text_of(member)

    def called(self, member: JSON, components: dict[str, Schema]) -> str:
        """A member by the name that clients see, its event's or type's, and by that of its schema."""
        name = self._name(member, components)
        return f"{name} ({told(member)})" if name and name != told(member) else told(member)

    def _is_named(self, member: JSON) -> bool:
        whole = self._whole(member, self.new)
        return is_named(member if whole is None else whole)

    def _name(self, member: JSON, components: dict[str, Schema]) -> str | None:
        reference = reference_of(member)
        whole = components.get(reference, {}) if reference is not None else member
        return tag_of(whole) or reference

    def _flat(
        self, members: list[JSON], components: dict[str, Schema], others: list[JSON], seen: set[str]
    ) -> list[JSON]:
        """The members of a union, those that refer to a union of their own replaced by its members.

        Only where the other side has not the same reference: that union is compared by itself then.
        """
        found: list[JSON] = []
        for member in members:
            target = components.get(name_of(member["$ref"])) if is_reference(member) else None
            if isinstance(target, dict) and members_of(target) and member not in others:
                if member["$ref"] not in seen:
                    seen.add(member["$ref"])
                    found += self._flat(members_of(target), components, others, seen)
            else:
                found.append(member)
        return found

    def _listed(self, old: list[JSON], new: list[JSON], place: Place) -> Iterator[Change]:
        for index in range(max(len(old), len(new))):
            at = place.step(f"[{index}]")
            if index >= len(old):
                yield at.change("item", "added", Effect.OTHER, told(new[index]))
            elif index >= len(new):
                yield at.change("item", "removed", Effect.GONE, told(old[index]))
            else:
                yield from self.compare(old[index], new[index], at)

    def _inner(self, old: Schema, new: Schema, place: Place) -> Iterator[Change]:
        for keyword in INNER:
            at = place.step(_STEPS.get(keyword, f"({keyword})"))
            if (keyword in old) == (keyword in new):
                yield from self.compare(old.get(keyword), new.get(keyword), at)
            else:
                one = old.get(keyword, new.get(keyword))
                what = "added" if keyword in new else "removed"
                yield at.change(
                    keyword, what, of_booleans(old.get(keyword, True), new.get(keyword, True)), told(one)
                )
        for keyword in NAMED:
            yield from self._by_name(keyword, old.get(keyword, {}), new.get(keyword, {}), place)
            yield from keywords.of_presence(keyword, old, new, place)

    def _by_name(self, keyword: str, old: Schema, new: Schema, place: Place) -> Iterator[Change]:
        for name in sorted(old.keys() | new.keys()):
            at = place.step(f"({keyword} {name})")
            if name not in old or name not in new:
                what = "removed" if name in old else "added"
                yield at.change("schema", what, Effect.OTHER, told(old.get(name, new.get(name))))
            else:
                yield from self.compare(old[name], new[name], at)


def _form(schema: Schema) -> list[bool]:
    return [any(keyword in schema for keyword in form) for form in _FORMS]
