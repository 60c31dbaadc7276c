"""The names that drift is counted by: of paths, methods, parameters and fields, without anybody's values.

Clients can put anything where a name stands. What does not look like a word of an API is `(odd)`.
"""

import re
from http import HTTPMethod
from urllib.parse import unquote_plus

from starlette.types import Scope

from generated.operations import OPERATIONS

ODD = "(odd)"
# Capitals, dots and hyphens are what keys, tokens, hosts and people's names have.
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_EVENT = re.compile(rf"{_NAME.pattern}(?:\.{_NAME.pattern})*")
_EVENT_CHARACTERS = 64
# With more of them it is a key, an id or a date.
_MOST_DIGITS = 4
_DIGIT = re.compile(r"[0-9]")
_WORD = re.compile(r"[a-z_-]{0,32}")
_PARAMETER = "{}"
_MOST_SEGMENTS = 8
# HTTP's own, whatever a contract says (RFC 9110, 9.3.2, 9.3.7).
_ANYWHERE = frozenset({"HEAD", "OPTIONS"})
_METHODS = frozenset(HTTPMethod)
_MOUNT = "/v1/"


def _segments(path: str) -> list[str]:
    return path.removeprefix(_MOUNT).split("/")


_TEMPLATES = sorted(
    {found.path for found in OPERATIONS.values() if found.upstream_path and found.path.startswith(_MOUNT)},
    key=lambda path: (path.count("{"), path),
)
_LITERALS = {""} | {part for path in _TEMPLATES for part in _segments(path) if "{" not in part}
# The contract's places, by their beginnings.
_PLACES = {
    tuple(_PARAMETER if "{" in part else part for part in _segments(path)[:count])
    for path in _TEMPLATES
    for count in range(len(_segments(path)) + 1)
}
# Those of them where it does not go on with a parameter: a word there is no value.
_WORDS_AT = _PLACES - {place[:-1] for place in _PLACES if place[-1:] == (_PARAMETER,)}


def word(name: str) -> str:
    """`name` where it looks like an API's: 40 of a-z, 0-9, `_` at most, and four digits; or `(odd)`."""
    return name if _NAME.fullmatch(name) and _few_digits(name) else ODD


def event_name(name: str) -> str:
    """`name` where it is such words, dots between them: 64 characters, four of them digits; or `(odd)`."""
    stays = len(name) <= _EVENT_CHARACTERS and _EVENT.fullmatch(name) and _few_digits(name)
    return name if stays else ODD


def _few_digits(name: str) -> bool:
    return len(_DIGIT.findall(name)) <= _MOST_DIGITS


def shape_of(scope: Scope) -> str:
    """The path of a request, below /v1 and of at most eight segments, as `/things/{}/parts`.

    A segment stays that is a literal in the contract. So does the first that the contract lacks, where it is
    a word in lower case and the contract has no parameter: what follows it may be anybody's name.
    """
    shape: list[str] = []
    for part in _segments(scope["raw_path"].decode("latin-1"))[:_MOST_SEGMENTS]:
        new = tuple(shape) in _WORDS_AT and _WORD.fullmatch(part)
        shape.append(part if part in _LITERALS or new else _PARAMETER)
    return "/" + "/".join(shape)


def method_at(scope: Scope) -> str | None:
    """The method of a request and the contract's path that it is for; None for what HTTP has everywhere."""
    method = scope["method"]
    if method in _ANYWHERE:
        return None
    asked = _segments(scope["path"])
    for path in _TEMPLATES:
        parts = _segments(path)
        if len(parts) == len(asked) and all(a == b or "{" in b for a, b in zip(asked, parts, strict=True)):
            return f"{method if method in _METHODS else ODD} /{'/'.join(parts)}"
    return None


def parameters_in(query: bytes, most: int) -> set[str]:
    """The names in a query string, of its first `most` pairs, without what stands in brackets behind them."""
    pairs = query.decode("latin-1").split("&", most)[:most]
    return {unquote_plus(pair.partition("=")[0]).partition("[")[0] for pair in pairs if pair}
