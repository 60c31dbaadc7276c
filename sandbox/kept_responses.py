"""Responses that were made before: retrieved, played again, cancelled, deleted."""

from collections.abc import Iterator

from starlette.responses import JSONResponse, Response

from sandbox import events, pages, resources
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.context import RESPONSES, input_items
from sandbox.contract import EVENTS, operations
from sandbox.errors import ApiError
from sandbox.render import render, valid
from sandbox.response_events import sequence
from sandbox.response_object import Answer
from sandbox.store import Resource, weight

_MAX_EVENTS = 2**31
_CREATE = "createResponse"
_BEFORE_CANCELLING = ("response.created", "response.queued")


def keep(call: Call, answer: Answer) -> Resource:
    """Return an answer to a request as a resource, kept unless the request says otherwise.

    In the background it begins as queued; there is no such thing for what is not kept.
    """
    steps = ["queued", "in_progress", answer.status] if _background(answer) else [answer.status]
    facts = answer.at(steps.pop(0))
    resource = Resource(facts["id"], facts, steps=steps, hidden={"answer": answer}, size=weight(answer.body))
    return call.store.add(RESPONSES, resource) if _stored(answer) else resource


def show(call: Call, resource: Resource) -> Response:
    """Answer a response as it stands, in the form of the operation or of its variant."""
    return JSONResponse(_fitting(call.operation.answer, resource.facts))


def play(call: Call, resource: Resource, after: int = -1) -> Response:
    """Answer the events of a response beyond the number ``after``; with the last one it has ended."""
    return call.stream(events.frame(event, event["type"]) for event in told(call, resource, after))


def retrieve(call: Call) -> Response:
    """Answer ``getResponse``: with ``stream`` its events, else one in the background a step further."""
    resource = resources.found(call)
    if call.flag("stream"):
        return play(call, resource, call.number("starting_after", -1, 0, _MAX_EVENTS))
    if resource.steps and not call.head:
        resource.facts = _answer(resource).at(resource.steps.pop(0))
    return show(call, resource)


def cancel(call: Call) -> Response:
    """Answer ``cancelResponse``; one that has ended stays as it is."""
    resource = resources.found(call)
    if not _background(_answer(resource)):
        raise ApiError(400, "Cannot cancel a synchronous response.", param="response_id")
    if resource.steps:
        resource.steps.clear()
        resource.facts = _answer(resource).begun("cancelled")
    return show(call, resource)


def delete(call: Call) -> Response:
    """Answer ``deleteResponse``, whose answer the contract does not describe."""
    resource = resources.found(call)
    call.store.remove(RESPONSES, resource.id)
    return JSONResponse({"id": resource.id, "object": "response", "deleted": True})


def list_input(call: Call) -> Response:
    """Answer ``listInputItems``."""
    items = [Resource(item["id"], item) for item in input_items(resources.found(call))]
    return call.answer(pages.page(call, items))


def _answer(resource: Resource) -> Answer:
    answer: Answer = resource.hidden["answer"]
    return answer


def _stored(answer: Answer) -> bool:
    return answer.body.get("store") is not False


def _background(answer: Answer) -> bool:
    return answer.body.get("background") is True and _stored(answer)


def told(call: Call, resource: Resource, after: int = -1) -> Iterator[JsonObject]:
    """Yield the events of a response beyond the number ``after``; with the last one it has ended."""
    answer = _answer(resource)
    schema = _event_schema(call)
    for event in sequence(answer, background=_background(answer)):
        if resource.facts["status"] == "cancelled" and event["type"] not in _BEFORE_CANCELLING:
            return
        if event["sequence_number"] > after:
            yield _fitting(schema, event)
    resource.steps.clear()
    resource.facts = answer.finished()


def _event_schema(call: Call) -> JsonObject | None:
    """The schema of a variant's events, which only the operation that makes responses tells."""
    made = operations()[_CREATE].variants.values()
    variants = {one.operation_id.removesuffix(_CREATE): one for one in made}
    prefix = call.operation.operation_id.partition("_")[0] + "_"
    return variants[prefix].answers.get(EVENTS) if prefix in variants else None


def _fitting(schema: JsonObject | None, facts: JsonObject) -> JsonObject:
    """The facts as they are where the schema takes them, so that what a request says beyond it is kept."""
    if schema is None or valid(schema, facts):
        return facts
    made: JsonObject = render(schema, facts)
    return made


_OWN = {
    "getResponse": retrieve,
    "cancelResponse": cancel,
    "deleteResponse": delete,
    "listInputItems": list_input,
}
HANDLERS: dict[str, Handler] = {
    f"{variant}{name}": own for name, own in _OWN.items() for variant in ("", "beta_")
}
