"""Documents made from the tables of the grammar, and walks over them beside the walk under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from codegen.files import child
from codegen.grammar import KINDS, Each, Leaf, Map, Object, OrReference

if TYPE_CHECKING:
    from random import Random

    from codegen.grammar import Rule

JSON = Any
PROSE = "A sentence that has to stay behind."
PLACE = "#/components/schemas/Thing"

# No deadline: how fast one example is says more of the machine's load than of the code.
steady = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def values(draw: st.DrawFn, rule: Rule, depth: int = 7) -> JSON:
    """A value that the rule accepts, with PROSE wherever prose may stand."""
    match rule:
        case Leaf():
            return draw(st.sampled_from(LEAVES[rule]))
        case Object("schema") if depth <= 0 or draw(st.integers(0, 9)) == 0:
            return draw(st.sampled_from([True, False, {"description": PROSE}]))
        case Object(kind):
            table = KINDS[kind]
            chosen = draw(st.lists(st.sampled_from(sorted(table)), unique=True, min_size=1, max_size=4))
            return {key: draw(values(table[key], depth - 1)) for key in chosen if depth > 0}
        case OrReference(inner):
            reference = st.sampled_from([{"$ref": PLACE}, {"$ref": PLACE, "summary": PROSE}])
            return draw(reference if draw(st.integers(0, 3)) == 0 else values(inner, depth))
        case Each(inner):
            return [draw(values(inner, depth)) for _ in range(draw(st.integers(1, 2)))]
        case Map(inner, names):
            known = [name for name in NAMES if names.match(name)]
            chosen = draw(st.lists(st.sampled_from(known), unique=True, min_size=1, max_size=3))
            return {name: draw(values(inner, depth)) for name in chosen}


NAMES = ["/b", "/a", "default", "200", "b", "description", "example", "{$request.url}", "404"]
LEAVES: dict[Leaf, list[JSON]] = {
    Leaf.KEEP: [None, True, 1, 0.5, "word", ["b", "a"], {"b": 1, "a": {"description": "fact"}}],
    Leaf.NAME: ["word", ""],
    Leaf.FLAG: [True, False],
    Leaf.VALUES: [[], [None, 1, {"b": 1, "a": ["fact"]}]],
    Leaf.TYPES: ["word", ["b", "a"]],
    Leaf.DROP: [PROSE, {"value": PROSE}, [PROSE]],
    Leaf.SORT: [["b", "a"], []],
    Leaf.TOKEN: [True, "word", ["go"], 1],
    Leaf.LINK: [PLACE, "#"],
    Leaf.TARGET: [PLACE, "Thing"],
    Leaf.KEYS: [{"scope": PROSE}],
    Leaf.REASON: [PROSE],
}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, JSON]:
    document = draw(values(Object("document")))
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Thing"] = draw(values(Object("schema")))
    return dict(document)


def shuffled(value: JSON, rule: Rule, random: Random) -> JSON:
    """The same value, the members of every OpenAPI object and map in another order."""
    match rule:
        case OrReference(inner) | Each(inner) if isinstance(value, list) or "$ref" not in value:
            if isinstance(value, list):
                return [shuffled(item, inner, random) for item in value]
            return shuffled(value, inner, random)
        case Object(kind) if isinstance(value, dict):
            members = [(key, shuffled(item, KINDS[kind][key], random)) for key, item in value.items()]
        case Map(inner, _):
            members = [(key, shuffled(item, inner, random)) for key, item in value.items()]
        case _:
            return value
    random.shuffle(members)
    return dict(members)


def objects(value: JSON, rule: Rule, pointer: str = "#") -> list[tuple[str, dict[str, JSON]]]:
    """Every object in which an unknown keyword has to be noticed, with its pointer."""
    match rule:
        case OrReference(inner):
            return objects(value, Object("reference") if "$ref" in value else inner, pointer)
        case Each(inner):
            steps = [(i, item, inner) for i, item in enumerate(value)]
            found = []
        case Object(kind) if isinstance(value, dict):
            steps = [(key, item, KINDS[kind][key]) for key, item in value.items()]
            found = [(pointer, value)]
        case Map(inner, _):
            steps = [(key, item, inner) for key, item in value.items()]
            found = []
        case _:
            return []
    return found + [more for key, item, inner in steps for more in objects(item, inner, child(pointer, key))]
