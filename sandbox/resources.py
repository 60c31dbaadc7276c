"""Resources of every kind: made, listed, retrieved, changed, acted upon, deleted as the contract's paths say.

An operation's part follows from its path: ``/things`` lists and creates, ``/things/{id}`` retrieves, changes
and deletes, ``/things/{id}/verb`` acts upon one. What is special about a kind is a row of ``families``.
"""

from collections.abc import Iterator
from functools import cache

from starlette.responses import Response

from sandbox import pages
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.contract import Operation, paths
from sandbox.errors import ApiError
from sandbox.families import Family, family
from sandbox.ids import Ids
from sandbox.render import properties, valid
from sandbox.requests import check
from sandbox.store import Resource

_ACTIONS = {
    "archive": ("archived",),
    "cancel": ("cancelled", "canceled"),
    "pause": ("paused",),
    "resume": ("queued", "running"),
}
_FINAL = frozenset({"archived", "cancelled", "canceled", "completed", "expired", "failed", "succeeded"})
_SINGLETONS = "singletons"


def handler_of(operation: Operation) -> Handler:
    """Return what serves an operation that has no handler of its own."""
    if operation.item_parameter:
        return {"GET": retrieve, "DELETE": delete}.get(operation.method, update)
    if operation.method == "GET":
        return index if pages.lists(operation) else read
    if operation.method == "DELETE":
        return reset
    if _makes(operation.method, operation.path):
        return create
    item, _, verb = operation.path.rpartition("/")
    return act if item.endswith("}") and verb in _ACTIONS else write


def create(call: Call) -> Response:
    """Make a resource of what the request says, and answer it."""
    check(call)
    return call.answer(made(call).facts)


def made(call: Call, **facts: object) -> Resource:
    """Make and keep a resource of the collection that the path names; ``facts`` win over the request's."""
    ancestors(call)
    kind = family(call.operation.collection)
    ids = call.fresh()
    parameter = _item_parameter(call.operation.path)
    given = asked(call)
    name = None if kind.named else given.get(parameter or "id")
    resource = resource_of(call, kind, name if isinstance(name, str) else ids.made(kind.prefix, kind.length))
    resource.facts |= {key: value for key, value in given.items() if value is not None}
    resource.facts |= _named(parameter, resource.id) | facts
    return call.store.add(call.collection, resource)


def asked(call: Call) -> JsonObject:
    """Return what the request says in fields that the contract knows: none of the others becomes a fact."""
    known = properties(call.operation.body or {})
    return {name: value for name, value in call.given.items() if name in known}


def resource_of(call: Call, kind: Family, name: str) -> Resource:
    """Return a resource of a kind with all that is known before the request is looked at; it is not kept."""
    now = call.store.now()
    facts: JsonObject = {**call.parameters, **kind.facts, "id": name, "created_at": now, "created": now}
    if kind.steps:
        facts["status"] = kind.steps[0]
    return Resource(name, facts, steps=list(kind.steps[1:]))


def index(call: Call) -> Response:
    """Answer a page of a collection."""
    ancestors(call)
    _seed(call, call.operation.collection, call.collection)
    return call.answer(pages.page(call, call.store.all(call.collection)))


def retrieve(call: Call) -> Response:
    """Answer a resource, one step further on its way unless it is paused."""
    resource = found(call)
    if resource.steps and not (call.head or resource.hidden.get("paused")):
        resource.facts["status"] = resource.steps.pop(0)
    return call.answer(resource.facts)


def update(call: Call) -> Response:
    """Change the fields of a resource that the request names; null removes one."""
    check(call)
    resource = found(call)
    given = resource.facts | asked(call)
    kept = {name: value for name, value in given.items() if value is not None}
    resource.facts = family(call.operation.collection).facts | kept
    call.store.weigh(call.collection, resource)
    return call.answer(resource.facts)


def delete(call: Call) -> Response:
    """Forget a resource and everything below it."""
    resource = found(call)
    call.store.remove(call.collection, resource.id)
    named = _named(call.operation.item_parameter, resource.id)
    return call.answer({**named, **gone(resource.id, family(call.operation.collection).gone)})


def gone(name: str, kind: str = "") -> JsonObject:
    """Return the facts of what was deleted; ``kind`` is its ``object`` where the contract does not say."""
    return {"id": name, "deleted": True, "success": True, **({"object": kind} if kind else {})}


def act(call: Call) -> Response:
    """Move a resource to the status that the last word of the path means; 400 where it has ended.

    Where the contract has no such status the resource keeps its own: what is paused then merely stays so.
    """
    check(call)
    *_, resource = ancestors(call)
    verb = call.path.rpartition("/")[2]
    status = checked_status(resource, verb)
    known = properties(call.operation.answer or {}).get("status", {})
    resource.facts["status"] = next((word for word in _ACTIONS[verb] if valid(known, word)), status)
    if verb in ("pause", "resume"):
        resource.hidden["paused"] = verb == "pause"
    else:
        resource.steps.clear()
    return call.answer(resource.facts)


def checked_status(resource: Resource, verb: str) -> str | None:
    """Return the status of a resource that is acted upon; 400 where it has ended."""
    status = resource.facts.get("status")
    if status in _FINAL:
        message = f"Cannot {verb} {resource.id}: its status is '{status}'."
        raise ApiError(400, message, param="id", code="invalid_status")
    return status


def read(call: Call) -> Response:
    """Answer what is known of a place that is no collection."""
    ancestors(call)
    return call.answer(_singleton(call).facts)


def write(call: Call) -> Response:
    """Answer what the request says; where the place can be read, it is kept."""
    check(call)
    ancestors(call)
    if ("GET", call.operation.path) in paths():
        place = _singleton(call)
        facts = place.facts
        facts |= asked(call)
        call.store.weigh(_SINGLETONS, place)
    else:
        kind = family(call.operation.path)
        facts = resource_of(call, kind, call.fresh().made(kind.prefix, kind.length)).facts | asked(call)
    return call.answer(facts)


def reset(call: Call) -> Response:
    """Forget what was written to a place that is no collection."""
    ancestors(call)
    _singleton(call)
    call.store.remove(_SINGLETONS, call.path)
    return call.answer({**call.parameters, "deleted": True})


def found(call: Call) -> Resource:
    """Return the resource that the path ends with; 404 where it or one above it is not there."""
    return ancestors(call)[-1]


def ancestors(call: Call) -> list[Resource]:
    """Return every resource that the path names, in its order; the first that is not there is a 404."""
    resources = []
    for template, collection, name in _named_places(call):
        _seed(call, template, collection)
        resource = call.store.find(collection, name)
        if resource is None:
            raise family(template).unknown(name)
        resources.append(resource)
    return resources


def _named_places(call: Call) -> Iterator[tuple[str, str, str]]:
    """Each collection's template and path, and the id within it, that the path goes through."""
    templates, steps = call.operation.path.split("/"), call.path.split("/")
    for index, part in enumerate(templates):
        template = "/".join(templates[:index])
        if part.startswith("{") and _is_collection(template):
            yield template, "/".join(steps[:index]), steps[index]


@cache
def _is_collection(template: str) -> bool:
    """Whether the sandbox keeps the resources of a collection: the contract has a way to look at one."""
    parameter = _item_parameter(template)
    return parameter is not None and (
        _makes("POST", template) or any(path == f"{template}/{{{parameter}}}" for _, path in paths())
    )


def _makes(method: str, template: str) -> bool:
    """Whether an operation makes a resource of the collection that its path names."""
    return method == "POST" and ("POST", template) in paths() and _item_parameter(template) is not None


@cache
def _item_parameter(template: str) -> str | None:
    """The name of the parameter by which paths go below a collection, if any does."""
    head = f"{template}/{{"
    below = (path.removeprefix(head) for _, path in paths() if path.startswith(head))
    return next((rest.partition("}")[0] for rest in below), None)


def _named(parameter: str | None, name: str) -> JsonObject:
    """The facts that a path's parameter tells: ``role_id``, and a ``role`` with that id."""
    if parameter is None:
        return {}
    return {parameter: name, parameter.removesuffix("_id"): {"id": name}}


def _seed(call: Call, template: str, collection: str) -> None:
    """Give a collection that nothing fills a resource, each time that it is looked at and found empty."""
    kind = family(template)
    if kind.filled or call.store.all(collection) or ("POST", template) in paths():
        return
    times = call.store.repeated(f"seed {collection}".encode())
    name = Ids(collection, b"seed").repeated(times).made(kind.prefix, kind.length)
    resource = resource_of(call, kind, name)
    resource.facts |= _named(_item_parameter(template), name)
    call.store.add(collection, resource)


def _singleton(call: Call) -> Resource:
    known = call.store.find(_SINGLETONS, call.path)
    return known or call.store.add(
        _SINGLETONS, Resource(call.path, {**call.parameters, **family(call.operation.path).facts})
    )
