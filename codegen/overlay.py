"""Applies an overlay to a document: OpenAPI Overlay Specification 1.1.0, with two rules of our own.

An action that selects nothing is an error, and every action gives its reason in `description`: an overlay
lists deviations from OpenAI's contract, and one that no longer bites has to be looked at.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jsonpath_rfc9535 as jsonpath
from jsonpath_rfc9535 import JSONPathQuery
from jsonpath_rfc9535.segments import JSONPathChildSegment
from jsonpath_rfc9535.selectors import NameSelector

from codegen.errors import CodegenError, raise_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JSON = Any

_VERSION = re.compile(r"1\.1\.[0-9]+")
_ROOT = frozenset({"overlay", "info", "extends", "actions"})
_INFO = frozenset({"title", "version", "description"})
_ACTION = frozenset({"target", "description", "update", "copy", "remove"})
_WAYS = ("update", "copy", "remove")
_SCHEMAS = "$['components']['schemas']"
_PATHS = "$['paths']"


def apply(
    document: dict[str, JSON], overlay: Mapping[str, JSON], name: str, lines: Sequence[int] = ()
) -> dict[str, JSON]:
    """Apply the actions in order, each to the result of the one before (Overlay 1.1.0, Overlay Object).

    Neither input is changed, and the answer shares nothing with them. Raises CodegenError, with `name` (the
    overlay's file), its line where `lines` has one for each, the number of the action (from 1) and its
    target; every action that cannot be applied is told.
    """
    result, faults = applied(document, overlay, name, lines)
    raise_all(faults)
    return result


def applied(
    document: dict[str, JSON], overlay: Mapping[str, JSON], name: str, lines: Sequence[int] = ()
) -> tuple[dict[str, JSON], list[CodegenError]]:
    """The same as far as it goes: the result without the actions that cannot be applied, and their faults."""
    result = deepcopy(document)
    faults: list[CodegenError] = []
    for number, action in enumerate(_actions(overlay, name), start=1):
        place = f"{name}:{lines[number - 1]}" if lines else name
        try:
            _Action.of(action, f"{place}: action {number}").apply(result)
        except CodegenError as error:
            faults.append(error)
    return result, faults


def _actions(overlay: Mapping[str, JSON], name: str) -> list[JSON]:
    version, info, actions = (overlay.get(key) for key in ("overlay", "info", "actions"))
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise CodegenError(f"{name}: #/overlay: {version!r} is not Overlay 1.1")
    _refuse_unknown(overlay, _ROOT, f"{name}: #")
    if not isinstance(info, dict) or not all(isinstance(info.get(key), str) for key in ("title", "version")):
        raise CodegenError(f"{name}: #/info: an object with a title and a version is expected")
    _refuse_unknown(info, _INFO, f"{name}: #/info")
    if not isinstance(overlay.get("extends", ""), str):
        raise CodegenError(f"{name}: #/extends: a URI reference is expected")
    if not isinstance(actions, list) or not actions:
        raise CodegenError(f"{name}: #/actions: an array of at least one action is expected")
    return actions


def _refuse_unknown(members: Mapping[str, JSON], known: frozenset[str], place: str) -> None:
    for key in members:
        if key not in known:
            raise CodegenError(f"{place}: unknown key {key!r}")


@dataclass(frozen=True)
class _Action:
    """One Action Object; `way` is the one of update, copy and remove that it has, `given` its value."""

    place: str
    target: str
    way: str
    given: JSON

    @classmethod
    def of(cls, action: JSON, place: str) -> _Action:
        if not isinstance(action, dict) or not isinstance(action.get("target"), str):
            raise CodegenError(f"{place}: an object with a target is expected")
        place = f"{place}, {action['target']}"
        _refuse_unknown(action, _ACTION, place)
        reason = action.get("description")
        if not isinstance(reason, str) or not reason.strip():
            raise CodegenError(f"{place}: description: every action gives its reason")
        ways = [way for way in _WAYS if way in action]
        if len(ways) != 1:
            raise CodegenError(f"{place}: exactly one of update, copy and remove is expected")
        return cls(place, action["target"], ways[0], action[ways[0]])

    def apply(self, document: dict[str, JSON]) -> None:
        nodes = self.select(document, self.target)
        if not nodes:
            raise self.fault("the target selects nothing")
        lost = self.lost_names(document)
        if self.way == "remove":
            self.remove(nodes)
        else:
            self.merge(nodes, self.copied(document) if self.way == "copy" else self.given)
        if lost:
            # Without the target: its other names are not at fault.
            place = self.place.removesuffix(f", {self.target}")
            raise CodegenError(f"{place}: {', '.join(map(repr, lost))} in its target selects nothing")

    def select(self, document: JSON, path: str) -> list[jsonpath.JSONPathNode]:
        try:
            found = jsonpath.find(path, document)
        except (jsonpath.JSONPathError, RecursionError) as error:
            raise self.fault(f"JSONPath {path!r}: {error}") from error
        # RFC 9535 section 2.1.2: a nodelist may hold one node twice, and an action acts on it once.
        return list({node.location: node for node in found}.values())

    def lost_names(self, document: JSON) -> list[str]:
        """Of a list of names, those that select nothing by themselves.

        A list of paths must not hide that one of them has gone. The others are served for all that, so that
        the actions after this one are judged by what they say themselves.
        """
        lost = []
        query = jsonpath.compile(self.target)
        for place, segment in enumerate(query.segments):
            names = [one for one in segment.selectors if isinstance(one, NameSelector)]
            for name in names if len(segment.selectors) > 1 else []:
                only = JSONPathChildSegment(env=query.env, token=segment.token, selectors=(name,))
                alone = (*query.segments[:place], only, *query.segments[place + 1 :])
                if not JSONPathQuery(env=query.env, segments=alone).find(document):
                    lost.append(name.name)
        return lost

    def copied(self, document: JSON) -> JSON:
        if not isinstance(self.given, str):
            raise self.fault("copy: a JSONPath is expected")
        sources = self.select(document, self.given)
        if len(sources) != 1:
            raise self.fault(f"copy: {self.given} selects {len(sources)} nodes, not one")
        return deepcopy(sources[0].value)

    def remove(self, nodes: list[jsonpath.JSONPathNode]) -> None:
        if self.given is not True:
            raise self.fault("remove: true is expected")
        # From the back: what lies inside a removed node goes first, and the indexes before it still hold.
        for node in sorted(nodes, key=lambda node: node.location, reverse=True):
            if node.parent is None:
                raise self.fault("remove: the root of the document cannot be removed")
            del _items(node.parent)[node.location[-1]]

    def merge(self, nodes: list[jsonpath.JSONPathNode], update: JSON) -> None:
        if len({_sort(node.value) for node in nodes}) > 1:
            raise self.fault("the target selects objects, arrays and primitives together")
        for node in nodes:
            merged = self.merged(node.value, update, node.path(), append=True)
            if node.parent is not None:
                _items(node.parent)[node.location[-1]] = merged

    def merged(self, old: JSON, update: JSON, path: str, *, append: bool = False) -> JSON:
        """Merge by the steps of the Action Object; in place, because one node may lie inside another.

        An operation, a schema or a path outside the upstream's base that the overlay adds must not be there:
        the upstream has come to have it.
        """
        if append and isinstance(old, list) and not isinstance(update, list):
            update = [update]
        if _sort(old) != _sort(update):
            raise self.fault(f"{self.way}: {path} is {_sort(old)}, and takes in no other kind")
        if isinstance(old, list):
            old.extend(deepcopy(update))
        elif isinstance(old, dict):
            for key, value in update.items():
                inner = f"{path}[{key!r}]"
                if key in old and ((key == "operationId" and not append) or path == _SCHEMAS):
                    named = f", {old[key]!r} in place of {value!r}" if isinstance(value, str) else ""
                    raise self.fault(f"{inner} is there already{named}; to change it, target it itself")
                if key in old and path == _PATHS and "servers" in value:
                    raise self.fault(f"{inner} is there already, and its operations would be the relay's own")
                old[key] = self.merged(old[key], value, inner) if key in old else deepcopy(value)
        else:
            return deepcopy(update)
        return old

    def fault(self, text: str) -> CodegenError:
        return CodegenError(f"{self.place}: {text}")


def _items(node: jsonpath.JSONPathNode) -> JSON:
    return node.value


def _sort(value: JSON) -> str:
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else "a primitive"
