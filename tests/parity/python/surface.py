"""Every public method of OpenAI's Python client, found by walking it."""

from collections.abc import Callable, Iterator
from functools import cached_property, reduce
from inspect import getattr_static
from typing import Any

from openai import AsyncOpenAI, OpenAI
from openai._resource import AsyncAPIResource, SyncAPIResource

RAW = "with_raw_response"
STREAMED = "with_streaming_response"
PLAIN = ""
VIEWS = (PLAIN, RAW, STREAMED)

_NO_REQUEST = {
    "opens a WebSocket, which is no request of HTTP's kind": (
        "beta.realtime.connect",
        "beta.responses.connect",
        "live.connect",
        "live.forks.connect",
        "live.sideband.connect",
        "realtime.connect",
        "realtime.translations.connect",
        "responses.connect",
    ),
    "makes another client, or ends this one": ("close", "copy", "is_closed", "with_options"),
    "tells or sets how requests are made": (
        "auth_headers",
        "base_url",
        "custom_auth",
        "default_headers",
        "default_query",
        "platform_headers",
        "qs",
        "user_agent",
    ),
    "checks a delivery that was received": ("webhooks.unwrap", "webhooks.verify_signature"),
    "binds later downloads to a finished turn": ("beta.agents.sessions.artifacts.for_result",),
}
NO_REQUEST = {name: reason for reason, names in _NO_REQUEST.items() for name in names}


def members(client: OpenAI | AsyncOpenAI) -> list[str]:
    """The dotted names of all public members that are no resources, such as `chat.completions.create`."""
    return list(_walk(client, ""))


def _walk(node: Any, prefix: str) -> Iterator[str]:
    for name in dir(type(node)):
        if name.startswith("_") or name in VIEWS:
            continue
        member = getattr_static(type(node), name)
        if isinstance(member, property | cached_property):
            value = getattr(node, name)
            if isinstance(value, SyncAPIResource | AsyncAPIResource):
                yield from _walk(value, f"{prefix}{name}.")
                continue
        elif not callable(member):
            continue
        yield prefix + name


def find(client: OpenAI | AsyncOpenAI, name: str, view: str = PLAIN) -> Callable[..., Any] | None:
    """The method of this name, or its twin below `with_raw_response` or `with_streaming_response` if any."""
    *resources, last = name.split(".")
    resource = reduce(getattr, resources, client)
    if view == PLAIN:
        method: Callable[..., Any] = getattr(resource, last)
        return method
    # The client itself has views of its resources, and none of its own methods.
    return getattr(getattr(resource, view), last, None) if resources and hasattr(resource, view) else None
