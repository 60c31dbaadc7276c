"""What the overlay says of GPT Actions: groups of operations, words for them, and why some have no place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from codegen.contract import Contract, Route
from codegen.errors import CodegenError

SOURCE = "spec/groups.yaml"
DOORS = "/v1/actions"
_PARTS = ("groups", "operations", "fields", "harmless", "objects", "without")
_FIELD_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Group:
    """Operations, by their ids in the contract, that one Action offers together."""

    name: str
    title: str
    description: str
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Actions:
    """The data of `spec/groups.yaml`: `words` by operation id, `fields` by name or `operation.name`.

    `objects` are fields, as `operation.name`, that are told as objects where they may be texts as well.
    `without` gives reasons by globs over ids, or over paths below `/v1`.
    """

    groups: tuple[Group, ...]
    words: dict[str, str]
    fields: dict[str, str]
    harmless: frozenset[str]
    objects: frozenset[str]
    without: dict[str, str]

    def field_words(self, operation_id: str, name: str) -> str | None:
        """What a parameter or a body field of the operation is said to be."""
        return self.fields.get(f"{operation_id}.{name}", self.fields.get(name))

    def groups_of(self, operation_id: str) -> list[str]:
        """The names of the groups that have the operation."""
        return [group.name for group in self.groups if operation_id in group.operations]

    def reason(self, route: Route) -> str | None:
        """Why no group has the operation, if that is said."""
        return next((reason for glob, reason in self.without.items() if _matches(glob, route)), None)


def operations(contract: Contract) -> dict[str, Route]:
    """What a group may name, by id: the upstream's operations and the relay's own; no other names."""
    plain = [route for route in contract.routes if route.alias_of is None and route.query is None]
    return {route.operation_id: route for route in plain}


def read(contract: Contract) -> Actions:
    """Read and check the contract's data on Actions; raises CodegenError. Without any there are no groups.

    What is said of operations that the contract lacks is left out: a state of OpenAI's document that has
    fewer makes fewer doors. `left_out` tells of it.
    """
    data = {part: contract.actions.get(part, {}) for part in _PARTS}
    for part in ("operations", "fields", "without"):
        _check(_is_words(data[part]), part, "texts by name are expected")
    for part in ("harmless", "objects"):
        data[part] = data[part] or []
        _check(_is_names(data[part]), part, "a list of names is expected")
    groups = tuple(_groups(data["groups"]))
    harmless, objects = (frozenset(data[part]) for part in ("harmless", "objects"))
    made = Actions(groups, data["operations"], data["fields"], harmless, objects, data["without"])
    kept = _known(made, operations(contract))
    _check_names(kept, operations(contract))
    return kept


def left_out(contract: Contract) -> list[str]:
    """The operations and globs in the data on Actions that the contract lacks; `read` checks the rest."""
    known, data = operations(contract), contract.actions
    names = [name for group in data.get("groups", {}).values() for name in group["operations"]]
    names += [name for part in ("operations", "harmless") for name in data.get(part) or []]
    for part in ("fields", "objects"):
        names += [key.rpartition(".")[0] for key in data.get(part) or [] if "." in key]
    globs = [glob for glob in data.get("without", {}) if not _matches_any(glob, known)]
    return list(dict.fromkeys([*(name for name in names if name not in known), *globs]))


def _known(actions: Actions, known: dict[str, Route]) -> Actions:
    """What `actions` says of operations that are known."""
    groups = [
        replace(one, operations=tuple(filter(known.__contains__, one.operations))) for one in actions.groups
    ]

    def of_one(key: str) -> bool:
        return "." not in key or key.rpartition(".")[0] in known

    return Actions(
        groups=tuple(group for group in groups if group.operations),
        words={name: words for name, words in actions.words.items() if name in known},
        fields={key: words for key, words in actions.fields.items() if of_one(key)},
        harmless=actions.harmless & known.keys(),
        objects=frozenset(filter(of_one, actions.objects)),
        without={glob: why for glob, why in actions.without.items() if _matches_any(glob, known)},
    )


def door_of(contract: Contract, operation_id: str) -> Route:
    """The route that an Action uses for an operation: JSON in, JSON out. Raises CodegenError without one.

    An operation of the relay's own is its own door. Of several doors it is the one at the operation's path.
    """
    route = operations(contract)[operation_id]
    if route.upstream_path is None:
        return route
    names = [other for other in contract.routes if other.alias_of == operation_id]
    doors = [other for other in names if other.relay.get("door") is not None]
    if not doors:
        raise CodegenError(f"spec: {operation_id}: there is no door to it for Actions")
    return next((door for door in doors if door.path == DOORS + route.upstream_path), doors[0])


def _groups(data: Any) -> Iterator[Group]:
    _check(isinstance(data, dict), "groups", "groups by name are expected")
    for name, group in data.items():
        place = f"groups: {name}"
        texts = ("title", "description")
        _check(
            isinstance(group, dict) and group.keys() == {*texts, "operations"},
            place,
            "title, description and operations are expected",
        )
        _check(all(isinstance(group[key], str) for key in texts), place, "title and description are texts")
        _check(_is_names(group["operations"]), place, "operations is a list of operation ids")
        _check(bool(name.isidentifier() and name.islower()), place, "a name is a word of small letters")
        ids: list[str] = group["operations"]
        repeated = next((wanted for wanted in ids if ids.count(wanted) > 1), None)
        _check(repeated is None, place, f"{repeated!r} stands there twice")
        yield Group(name, group["title"], group["description"], tuple(ids))


def _check_names(actions: Actions, known: dict[str, Route]) -> None:
    for group in actions.groups:
        place = f"groups: {group.name}"
        for name in group.operations:
            _check(name in actions.words, place, f"{name!r} has no words under operations")
            reason = actions.reason(known[name])
            _check(reason is None, place, f"{name!r} is kept from all groups by without: {reason}")
    for name in sorted(actions.harmless):
        _check(known[name].method == "post", "harmless", f"{name!r} is no POST, so nothing has to be said")
    for name, words in actions.fields.items():
        over = len(words) - _FIELD_CHARACTERS
        _check(over <= 0, "fields", f"{name}: {over} characters over the limit of {_FIELD_CHARACTERS}")


def _check(holds: bool, place: str, otherwise: str) -> None:  # noqa: FBT001 - it is what is checked
    if not holds:
        raise CodegenError(f"{SOURCE}: {place}: {otherwise}")


def _matches_any(glob: str, known: dict[str, Route]) -> bool:
    return any(_matches(glob, route) for route in known.values())


def _matches(glob: str, route: Route) -> bool:
    names = [route.operation_id, *([route.upstream_path] if route.upstream_path is not None else [])]
    return any(fnmatchcase(name, glob) for name in names)


def _is_words(data: Any) -> bool:
    return isinstance(data, dict) and all(isinstance(words, str) for words in data.values())


def _is_names(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(name, str) for name in data)
