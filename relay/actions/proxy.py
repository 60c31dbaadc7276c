"""The envelope of `POST /v1/proxy`: opened strictly, so that what is checked is what is sent."""

import json
import re
from typing import NamedTuple, NoReturn
from urllib.parse import urlencode

from relay.actions.reach import not_allowed
from relay.edit import places
from relay.errors import Forbidden, InvalidBody, InvalidHead, InvalidJSON

ENVELOPE_BYTES = 1024 * 1024
_PATH_CHARACTERS = 1024
_QUERY_BYTES = 8 * 1024
# Of JSON: an escape has six characters for one, and spaces are free.
_QUERY_CHARACTERS = 8 * _QUERY_BYTES
_SHOWN_CHARACTERS = 64
# Segments of letters, digits, `_`, `-` and dots between them: nobody reads such a path in two ways.
_SEGMENT = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
_PATH = re.compile(rf"/?{_SEGMENT}(?:/{_SEGMENT})*")
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})
# Each member, and the older names that clients may have for it.
_MEMBERS = {"method": "method", "path": "path"}
_MEMBERS |= dict.fromkeys(("query", "params", "query_params"), "query")
_MEMBERS |= dict.fromkeys(("body", "json", "json_body"), "body")
_KINDS = {'"': "a string", "{": "an object", "[": "an array", "t": "a boolean", "f": "a boolean", "n": "null"}


class Envelope(NamedTuple):
    """The request that an envelope holds: `path` below the root, `query` encoded, `body` as it was written.

    `body` is None where the method takes none.
    """

    method: str
    path: bytes
    query: bytes
    body: bytes | None


class _Member(NamedTuple):
    """A member of the envelope under the name that the client gave it, its value as JSON text."""

    name: str
    text: str


def opened(body: bytes) -> Envelope:
    """The request in the envelope `body`.

    Raises InvalidJSON, InvalidBody for what is missing, unknown, said twice or of a wrong type, InvalidHead
    for a path that could be read in two ways, and Forbidden for a stream.
    """
    found = _members(body)
    method = _method(found)
    path = checked_path(_string(found, "path"))
    query = _query(found["query"]) if "query" in found else b""
    return Envelope(method, path, query, _body(method, found.get("body")))


def checked_path(path: str) -> bytes:
    """`path` as it is sent, `/v1/files` for `files`, `/files`, `v1/files` and itself; raises InvalidHead.

    Nothing is decoded, resolved or folded: besides this beginning, the characters are those that came.
    """
    if len(path) > _PATH_CHARACTERS or not _PATH.fullmatch(path):
        message = (
            "The path is segments of A-Z, a-z, 0-9, _, - and single dots inside them, with one slash between "
            f"them and none at the end, {_PATH_CHARACTERS:,} characters at most"
        )
        raise InvalidHead(message, param="path", code="invalid_path")
    return b"/v1/" + path.removeprefix("/").removeprefix("v1/").encode()


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON's")


# Numbers stay text: none is too long, and none is rounded.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_number)


def _members(body: bytes) -> dict[str, _Member]:
    """The members of the envelope by what they mean."""
    try:
        text = body.decode().strip(" \t\n\r")
        _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidJSON(f"The request body cannot be read as JSON: {error}") from None
    if not text.startswith("{"):
        raise InvalidBody("The request body must be an object", code="invalid_type")
    found: dict[str, _Member] = {}
    for name, place in places(text):
        meaning = _MEMBERS.get(name)
        if meaning is None:
            raise _invalid(name, f"there are {', '.join(_MEMBERS)}", "unknown_parameter")
        if meaning in found:
            raise _invalid(name, f"the {meaning} is given a second time", "duplicate_parameter")
        found[meaning] = _Member(name, text[place])
    return found


def _invalid(param: str, message: str, code: str) -> InvalidBody:
    shown = param[:_SHOWN_CHARACTERS]
    return InvalidBody(f"Invalid '{shown}': {message}", param=shown, code=code)


def _check_type(member: _Member, beginning: str) -> None:
    if not member.text.startswith(beginning):
        got = _KINDS.get(member.text[0], "a number")
        raise _invalid(member.name, f"expected {_KINDS[beginning]}, but got {got}", "invalid_type")


def _string(found: dict[str, _Member], name: str) -> str:
    if name not in found:
        message = f"Missing required parameter: '{name}'"
        raise InvalidBody(message, param=name, code="missing_required_parameter")
    _check_type(found[name], '"')
    text: str = _DECODER.decode(found[name].text)
    return text


def _method(found: dict[str, _Member]) -> str:
    method = _string(found, "method")
    if method not in METHODS:
        raise _invalid("method", f"it must be one of {', '.join(METHODS)}, in capitals", "invalid_value")
    return method


def _query(member: _Member) -> bytes:
    """The query that an object says, form-urlencoded (URL Standard, 5.2); a list is a name several times."""
    _check_type(member, "{")
    if len(member.text) > _QUERY_CHARACTERS:  # reading so many names takes longer than refusing them
        raise _invalid(member.name, f"more than {_QUERY_BYTES:,} bytes, encoded", "invalid_value")
    parameters: dict[str, list[str]] = {}
    for name, place in places(member.text):
        where = f"{member.name}.{name}"
        if name in parameters:
            raise _invalid(where, "it is given a second time", "duplicate_parameter")
        parameters[name] = _values(_Member(where, member.text[place]))
    if parameters.get("stream", ["false"]) != ["false"]:
        raise _no_stream(member)
    try:
        query = urlencode(parameters, doseq=True).encode()
    except UnicodeEncodeError:
        raise _invalid(member.name, "half a surrogate pair is no character", "invalid_value") from None
    if len(query) > _QUERY_BYTES:
        raise _invalid(member.name, f"more than {_QUERY_BYTES:,} bytes, encoded", "invalid_value")
    return query


def _values(member: _Member) -> list[str]:
    """The value of a parameter, or each of a list's, as text: numbers as they were written."""
    value = _DECODER.decode(member.text)
    listed = value if isinstance(value, list) else [value]
    found = []
    for one in listed:
        if not isinstance(one, str | bool):
            allowed = "expected a string, a number, a boolean or a list of these"
            raise _invalid(member.name, allowed, "invalid_type")
        found.append(str(one).lower() if isinstance(one, bool) else one)
    return found


def _body(method: str, member: _Member | None) -> bytes | None:
    if member is None:
        return b"{}" if method in _WITH_BODY else None
    if method not in _WITH_BODY:
        raise _invalid(member.name, f"{method} is sent without a body", "invalid_value")
    _check_type(member, "{")
    for name, place in places(member.text):
        if name == "stream" and member.text[place] not in {"false", "null"}:
            raise _no_stream(member)
    return member.text.encode()


def _no_stream(member: _Member) -> Forbidden:
    message = "The proxy does not stream: leave stream out, or ask the operation itself"
    return not_allowed(message, f"{member.name}.stream")
