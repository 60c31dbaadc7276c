"""The least that a method of the client must be given, by its annotations."""

import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_overloads, get_type_hints

import typing_extensions
from openai._base_client import AsyncPageT, SyncPageT
from openai._models import FinalRequestOptions
from openai.pagination import AsyncPage, SyncPage
from pydantic import BaseModel

from tests.servers import PROJECT

FILE = ("sample.txt", b"What a client uploads.\n", "text/plain")
_UPLOADED = b"What a client uploads in parts.\n"
_PLAIN: dict[Any, Any] = {
    int: 1,
    float: 1.0,
    bool: False,
    object: {},
    Any: {},
    dict: {},
    Mapping: {},
    SyncPageT: SyncPage[object],
    AsyncPageT: AsyncPage[object],
}
_LISTS = (list, Sequence, Iterable)
_UNIONS = (Union, types.UnionType)
_WRAPPERS = (Annotated, typing_extensions.Required, typing_extensions.NotRequired)


class Said(BaseModel):
    """A shape to ask an answer for."""

    word: str


# What annotations cannot tell: relations between arguments, and the general methods' types.
_GIVEN: dict[str, dict[str, Any]] = {
    "uploads.upload_file_chunked": {
        "file": _UPLOADED,
        "filename": "parts.txt",
        "bytes": len(_UPLOADED),
        "part_size": 20,
    },
    "beta.chat.completions.parse": {"response_format": Said},
    "chat.completions.parse": {"response_format": Said},
    "responses.parse": {"text_format": Said},
    "responses.stream": {"input": "Hello", "model": "gpt-5.1", "text_format": Said},
    "beta.agents.environments.files.upload": {"path": "/workspace/sample.txt"},
    "beta.agents.environments.files.prepare": {"files": {"/workspace/sample.txt": PROJECT / "LICENSE"}},
    "beta.agents.environments.files.prepare_directory": {
        "root": PROJECT / "examples",
        "destination": "/workspace",
        "include": ["__init__.py"],
    },
    "get": {"path": "/models", "cast_to": object},
    "post": {"path": "/embeddings", "cast_to": object, "body": {"model": "m", "input": "Hello"}},
    "put": {"path": "/files/example", "cast_to": object, "body": {"one": 1}},
    "patch": {"path": "/no/such/path", "cast_to": object, "body": {"one": 1}},
    "delete": {"path": "/files/example", "cast_to": object},
    "get_api_list": {"path": "/models", "model": object},
    "request": {"cast_to": object, "options": FinalRequestOptions.construct(method="get", url="/models")},
}
_PACES = {"poll_interval_ms": 1, "poll_interval": 0.001}


def given(name: str, method: Callable[..., Any]) -> dict[str, Any]:
    """The arguments that are chosen by hand for the method of this name."""
    return {**_GIVEN.get(name, {}), **{key: value for key, value in _PACES.items() if takes(method, key)}}


def least(name: str, method: Callable[..., Any]) -> dict[str, Any]:
    """Keyword arguments for `method`: what is given, and an example of each other that it requires."""
    chosen = given(name, method)
    overloads = get_overloads(method)
    # Below another decorator an overload hides those before it; one alone is never all of them.
    candidates = overloads if len(overloads) > 1 else [inspect.unwrap(method)]
    missing, function = min(
        (([key for key in _required(one) if key not in chosen], one) for one in candidates),
        key=lambda pair: len(pair[0]),
    )
    hints = get_type_hints(getattr(function, "__func__", function), include_extras=True)
    return {key: example(hints[key], key) for key in missing} | chosen


def _required(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.name != "self"]


def takes(method: Callable[..., Any], argument: str) -> bool:
    """Whether `method` has an argument of this name."""
    return argument in inspect.signature(method).parameters


def files(method: Callable[..., Any]) -> dict[str, Any]:
    """An example for each argument that takes a file, required or not."""
    function = inspect.unwrap(method)
    hints = get_type_hints(getattr(function, "__func__", function), include_extras=True)
    return {key: example(hint, key) for key, hint in hints.items() if _is_file(hint)}


def text(name: str) -> str:
    """The example of a text: it tells in a path which argument it came from."""
    return f"{name}-example"


def example(hint: Any, name: str) -> Any:
    """A plain value of the annotated type: a union's first member, and of a dictionary what it requires."""
    while get_origin(hint) in (*_WRAPPERS, *_UNIONS) and not _is_file(hint):
        hint = next(member for member in get_args(hint) if member is not type(None))
    if _is_file(hint):
        return FILE
    if typing_extensions.is_typeddict(hint):
        fields = get_type_hints(hint, include_extras=True)
        return {key: example(fields[key], key) for key in sorted(hint.__required_keys__)}
    if hint is str:
        return text(name)
    return _generic(hint, name) if get_origin(hint) else _PLAIN[hint]


def _generic(hint: Any, name: str) -> Any:
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Literal, typing_extensions.Literal):
        return members[0]
    if origin in _LISTS:
        return [example(members[0], name)]
    return _PLAIN[members[0] if origin is type else origin]


def _is_file(hint: Any) -> bool:
    return get_origin(hint) in _UNIONS and (bytes in get_args(hint) or any(map(_is_file, get_args(hint))))
