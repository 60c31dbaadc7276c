"""Whether a client would rather read a page than JSON (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterator

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+"'
_PARAMETER = rf"({_WORD})=({_WORD}|{_QUOTED})"
# Nothing in it is tried twice: a client may send 64 KiB of it.
_MEMBER = re.compile(
    rf"[ \t]*+({_WORD}/{_WORD})((?:[ \t]*+;[ \t]*+(?:{_WORD}=(?:{_WORD}|{_QUOTED}))?)*+)[ \t]*+(?=,|\Z)"
)
_PARAMETERS = re.compile(_PARAMETER)
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_PAGE, _DATA = "text/html", "application/json"
_OF_THE_PAGE = {("charset", "utf-8")}


def prefers_page(accept: str | None) -> bool:
    """Whether Accept has a greater weight for text/html than for application/json.

    None is a field that was not sent. What is no member of the list as its grammar has it is left out.
    """
    weights = dict(sorted(_ranges(accept or "")))
    return _weight(_PAGE, weights) > _weight(_DATA, weights)


def _weight(media_type: str, weights: dict[str, float]) -> float:
    """The weight that the narrowest range gives it, 0 where none holds it."""
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    return next((weights[name] for name in ranges if name in weights), 0.0)


def _ranges(field: str) -> Iterator[tuple[str, float]]:
    place = 0
    while place < len(field):
        found = _MEMBER.match(field, place)
        if found is None:
            place = field.find(",", place) + 1 or len(field)
            continue
        place = found.end() + 1
        given = [(name.lower(), value) for name, value in _PARAMETERS.findall(found[2])]
        weight = next((value for name, value in given if name == "q"), "1")
        others = {(name, value.strip('"').lower()) for name, value in given if name != "q"}
        # A range with parameters holds what has the same ones, and what is sent here has one at most.
        if _WEIGHT.fullmatch(weight) and others <= (_OF_THE_PAGE if found[1].lower() == _PAGE else set()):
            yield found[1].lower(), float(weight)
