"""How each method is called: learned from the requests that it makes, filled from the contract."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import httpx2
from openai import OpenAI, OpenAIError

from generated.operations import Operation
from tests.parity.python import contract
from tests.parity.python.arguments import files, given, least, takes, text
from tests.parity.python.surface import find

# What a helper waits for is one of these, whatever it is.
_DONE = ("completed", "processed")
_MANY = 10


@dataclass(frozen=True)
class Request:
    """One request that a method makes; `path` has `{argument}` where a value of that argument stood."""

    method: str
    path: str
    query: str

    @property
    def operation(self) -> Operation | None:
        """What the contract has for it."""
        return contract.find(self.method, self.path, self.query)


@cache
def learned(name: str) -> tuple[Request, ...]:
    """The requests that a method makes when everything goes well, in their order."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        assert len(seen) < _MANY, f"{name} asks without end"
        made = {"id": "made", "status": _DONE[len(seen) % len(_DONE)], "data": [], "has_more": False}
        return httpx2.Response(200, json=made)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    with OpenAI(
        api_key="any", admin_api_key="any", base_url="http://upstream/v1", http_client=http
    ) as client:
        method = find(client, name)
        assert method is not None
        arguments = least(name, method)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            _finish(lambda: method(**arguments), seen)
    return tuple(_template(request, arguments) for request in seen)


def _finish(call: Callable[[], Any], seen: list[httpx2.Request]) -> None:
    try:
        result = call()
        if hasattr(result, "__enter__"):
            with result as entered:
                list(entered)
    except (OpenAIError, AttributeError, TypeError, ValueError):
        # What the made-up answer lacks ends the method: by then its requests were seen.
        if not seen:
            raise


def _template(request: httpx2.Request, arguments: dict[str, Any]) -> Request:
    names = {text(name): name for name, value in arguments.items() if value == text(name)}
    segments = unquote(request.url.raw_path.decode().partition("?")[0]).split("/")
    path = "/".join(f"{{{names[segment]}}}" if segment in names else segment for segment in segments)
    return Request(request.method, path, request.url.query.decode())


def arguments_for(name: str, client: Any) -> dict[str, Any]:
    """The method's arguments: what the annotations require, with the contract's values where it has any."""
    method = find(client, name)
    assert method is not None
    arguments = least(name, method)
    operation = learned(name)[0].operation
    if operation is None:
        return arguments
    body = contract.least_body(operation)
    described = {**(body.fields if body else {}), **contract.least_query(operation)}
    # A file is the client's to wrap; the contract only tells that there must be one.
    wrapped = described | files(method) | contract.wanted(operation)
    known = {key: wrapped[key] for key in described if takes(method, key)}
    return arguments | known | given(name, method)
