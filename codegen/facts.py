"""Keeps the facts of an OpenAPI document and leaves its prose behind, by the tables of `codegen.grammar`."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from codegen.errors import CodegenError
from codegen.files import child
from codegen.grammar import KINDS, STATUS, Each, Leaf, Map, Object, OrReference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.grammar import Rule

JSON = Any

# Python 3.13 took over the phrases of RFC 9110 section 15.5; the vendored file is the same on every Python.
_RENAMED = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
_CLASSES = {
    "1": "Informational",
    "2": "Successful",
    "3": "Redirection",
    "4": "Client Error",
    "5": "Server Error",
}


def facts(document: dict[str, JSON], name: str) -> dict[str, JSON]:
    """Copy a document without its prose, maps sorted and keywords in the tables' order.

    The input is not changed and shares nothing with the answer. Raises CodegenError, with `name` and the
    JSON pointer, for an unknown keyword, a value of the wrong shape, or a reference that does not resolve.
    """
    keeper = _Keeper(name)
    kept: dict[str, JSON] = keeper.object(document, KINDS["document"], "#")
    keeper.resolve(kept)
    return kept


@dataclass
class _Keeper:
    """One walk over one document; collects the references it meets."""

    name: str
    references: list[tuple[str, str]] = field(default_factory=list)

    def value(self, value: JSON, rule: Rule, pointer: str) -> JSON:
        match rule:
            case Object("schema") if isinstance(value, bool):
                return value
            case Object(kind):
                return self.object(value, KINDS[kind], pointer)
            case OrReference(inner):
                return self.value(value, _REFERENCE if _is_reference(value) else inner, pointer)
            case Each(inner):
                items = self.shaped(value, list, pointer)
                return [self.value(item, inner, child(pointer, i)) for i, item in enumerate(items)]
            case Map(inner, names):
                members = self.shaped(value, dict, pointer)
                self.refuse_unknown(pointer, [key for key in members if not names.match(key)])
                return {key: self.value(members[key], inner, child(pointer, key)) for key in sorted(members)}
            case Leaf():
                return self.leaf(value, rule, pointer)

    def object(self, value: JSON, keywords: Mapping[str, Rule], pointer: str) -> dict[str, JSON]:
        members = self.shaped(value, dict, pointer)
        self.refuse_unknown(pointer, [key for key in members if key not in keywords])
        kept = {}
        for keyword, rule in keywords.items():
            if rule is Leaf.REASON:
                kept[keyword] = _reason(pointer.rpartition("/")[2])
            elif keyword in members and rule is not Leaf.DROP:
                kept[keyword] = self.value(members[keyword], rule, child(pointer, keyword))
        return kept

    def leaf(self, value: JSON, rule: Leaf, pointer: str) -> JSON:
        match rule:
            case Leaf.NAME | Leaf.FLAG | Leaf.VALUES:
                self.shaped(value, _LEAVES[rule], pointer)
            case Leaf.TYPES if not isinstance(value, str):
                self.each_shaped(value, str, pointer)
            case Leaf.SORT:
                return sorted(self.each_shaped(value, str, pointer))
            case Leaf.TOKEN:
                for word in value if isinstance(value, list) else [value]:
                    self.token(word, pointer)
            case Leaf.LINK | Leaf.TARGET:
                self.references.append((pointer, _pointer_of(self.shaped(value, str, pointer), rule)))
            case Leaf.KEYS:
                return dict.fromkeys(sorted(self.shaped(value, dict, pointer)), "")
        return deepcopy(value)

    def token(self, word: JSON, pointer: str) -> None:
        if isinstance(word, (dict, list)) or (isinstance(word, str) and len(word.split()) != 1):
            raise CodegenError(f"{self.name}: {pointer}: this extension holds more than flags and words")

    def each_shaped(self, value: JSON, shape: type[Any], pointer: str) -> list[JSON]:
        items = self.shaped(value, list, pointer)
        return [self.shaped(item, shape, child(pointer, i)) for i, item in enumerate(items)]

    def shaped(self, value: JSON, shape: type[Any], pointer: str) -> JSON:
        if not isinstance(value, shape):
            raise CodegenError(f"{self.name}: {pointer}: has to be {_SHAPES[shape]}")
        return value

    def refuse_unknown(self, pointer: str, keywords: list[str]) -> None:
        if keywords:
            raise CodegenError(f"{self.name}: {pointer}: unknown keyword {keywords[0]!r}")

    def resolve(self, kept: JSON) -> None:
        for pointer, target in self.references:
            if not resolves(kept, target):
                raise CodegenError(f"{self.name}: {pointer}: {target!r} does not resolve inside the document")


_REFERENCE = Object("reference")
_SHAPES: dict[type[Any], str] = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
_LEAVES: dict[Leaf, type[Any]] = {Leaf.NAME: str, Leaf.FLAG: bool, Leaf.VALUES: list}


def _is_reference(value: JSON) -> bool:
    return isinstance(value, dict) and "$ref" in value


def _pointer_of(reference: str, rule: Leaf) -> str:
    # OpenAPI 3.1.1 section 4.8.25.3: a mapping may name a schema of the components instead of its URI.
    if rule is Leaf.TARGET and "#" not in reference and "/" not in reference:
        return f"#/components/schemas/{reference}"
    return reference


def resolves(document: JSON, reference: str) -> bool:
    """Whether a reference is a JSON pointer fragment (RFC 6901 section 6) to something in the document."""
    root, *tokens = unquote(reference).split("/")
    value = document
    for token in (token.replace("~1", "/").replace("~0", "~") for token in tokens):
        if isinstance(value, list) and token.isdecimal() and int(token) < len(value):
            value = value[int(token)]
        elif isinstance(value, dict) and token in value:
            value = value[token]
        else:
            return False
    return root == "#"


def _reason(name: str) -> str:
    """Our words for a response: by status, by class of status (RFC 9110 section 15), or its own name."""
    try:
        return _RENAMED.get(int(name)) or HTTPStatus(int(name)).phrase
    except ValueError:
        return _CLASSES.get(name[:1], name) if STATUS.match(name) else name
