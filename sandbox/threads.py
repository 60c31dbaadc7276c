"""Threads and their messages."""

from typing import Any

from starlette.responses import Response

from sandbox import errors, fields, resources
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.errors import ApiError
from sandbox.families import family
from sandbox.ids import Ids
from sandbox.requests import check
from sandbox.store import Resource, Store

THREADS = "/threads"
MESSAGES = "/threads/{thread_id}/messages"
ACTIVE = frozenset({"queued", "in_progress", "requires_action", "cancelling"})

_ROLES = ("user", "assistant")


def create(call: Call) -> Response:
    """Answer ``createThread``, with the messages that it begins with."""
    check(call)
    return call.answer(new_thread(call, call.given).facts)


def new_thread(call: Call, given: JsonObject, within: str = "") -> Resource:
    """Make and keep a thread of what a request says of it, ``within`` that field, and its messages."""
    messages = checked(given.get("messages"), fields.path(within, "messages"))
    kind = family(THREADS)
    thread = resources.resource_of(call, kind, call.fresh().made(kind.prefix))
    told = {name: given.get(name) for name in ("metadata", "tool_resources")}
    thread.facts |= {name: value for name, value in told.items() if value is not None}
    call.store.add(THREADS, thread)
    add_messages(call, thread, messages, thread.id)
    return thread


def create_message(call: Call) -> Response:
    """Answer ``createMessage``; 400 while a run goes over the thread."""
    check(call)
    [thread] = resources.ancestors(call)
    if run := active_run(call.store, thread):
        raise ApiError(400, f"Can't add messages to {thread.id} while a run {run.id} is active.")
    _check_message(call.given, "")
    return call.answer(new_message(call, thread.id, call.given, call.fresh()).facts)


def checked(given: Any, within: str) -> list[JsonObject]:
    """Return the messages of a request; what is none is a 400."""
    fields.check({within: given}, {within: fields.ARRAY})
    messages = fields.objects(given or [], within)
    for index, message in enumerate(messages):
        _check_message(message, f"{within}[{index}]")
    return messages


def add_messages(call: Call, thread: Resource, given: list[JsonObject], owner: str) -> None:
    """Add messages to a thread; their ids follow from that of the ``owner``."""
    for index, message in enumerate(given):
        new_message(call, thread.id, message, Ids(f"{owner}/{index}", b""))


def new_message(call: Call, thread_id: str, given: JsonObject, ids: Ids, **facts: object) -> Resource:
    """Add one message to a thread; ``facts`` are what its request does not say."""
    kind = family(MESSAGES)
    message = resources.resource_of(call, kind, ids.made(kind.prefix))
    told = {name: given.get(name) for name in ("attachments", "metadata", "role")}
    message.facts |= {name: value for name, value in told.items() if value is not None}
    message.facts |= {
        "object": "thread.message",
        "thread_id": thread_id,
        "content": _content(given["content"]),
        **facts,
    }
    return call.store.add(f"{THREADS}/{thread_id}/messages", message)


def active_run(store: Store, thread: Resource) -> Resource | None:
    """Return the run of a thread that has not ended."""
    runs = store.all(f"{THREADS}/{thread.id}/runs")
    return next((run for run in runs if run.facts["status"] in ACTIVE), None)


def turns(store: Store, thread_id: str) -> list[JsonObject]:
    """Return the messages of a thread as those of a chat, oldest first."""
    said = [message.facts for message in store.all(f"{THREADS}/{thread_id}/messages")]
    return [{"role": facts["role"], "content": _text(facts["content"])} for facts in said]


def _check_message(message: JsonObject, within: str) -> None:
    fields.require(message, ["role", "content"], within=within)
    kinds = {"role": fields.STRING, "content": fields.STRING_OR_ARRAY, "metadata": fields.OBJECT}
    fields.check(message, kinds, within=within)
    if message["role"] not in _ROLES:
        raise errors.unsupported(fields.path(within, "role"), message["role"], _ROLES)
    place = fields.path(within, "content")
    for index, part in enumerate(_parts(message["content"], place)):
        fields.require(part, ["type"], within=f"{place}[{index}]")
        if part["type"] == "text":
            fields.require(part, ["text"], within=f"{place}[{index}]")
            fields.check(part, {"text": fields.STRING}, within=f"{place}[{index}]")


def _parts(content: str | list[object], within: str) -> list[JsonObject]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return fields.objects(content, within)


def _content(content: str | list[object]) -> list[JsonObject]:
    return [
        {"type": "text", "text": {"value": part["text"], "annotations": []}}
        if part["type"] == "text"
        else part
        for part in _parts(content, "content")
    ]


def _text(content: list[JsonObject]) -> str:
    return "\n".join(part["text"]["value"] for part in content if part["type"] == "text")


HANDLERS: dict[str, Handler] = {"createThread": create, "createMessage": create_message}
