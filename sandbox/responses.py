"""``POST /v1/responses``, answered whole or in events."""

from starlette.responses import Response

from sandbox import errors, fields, formats, kept_responses, reply, tools
from sandbox.bodies import JsonObject, parse_object
from sandbox.call import Call, Handler
from sandbox.context import context_of
from sandbox.items import written_out
from sandbox.response_object import Answer
from sandbox.store import Resource

MIN_OUTPUT_TOKENS = 16

_KINDS = {
    "input": fields.STRING_OR_ARRAY,
    "background": fields.BOOLEAN,
    "conversation": fields.STRING_OR_OBJECT,
    "include": fields.ARRAY,
    "instructions": fields.STRING,
    "max_output_tokens": fields.INTEGER,
    "max_tool_calls": fields.INTEGER,
    "metadata": fields.OBJECT,
    "parallel_tool_calls": fields.BOOLEAN,
    "previous_response_id": fields.STRING,
    "prompt": fields.OBJECT,
    "prompt_cache_key": fields.STRING,
    "prompt_cache_retention": fields.STRING,
    "reasoning": fields.OBJECT,
    "safety_identifier": fields.STRING,
    "service_tier": fields.STRING,
    "store": fields.BOOLEAN,
    "stream": fields.BOOLEAN,
    "stream_options": fields.OBJECT,
    "temperature": fields.NUMBER,
    "text": fields.OBJECT,
    "tool_choice": fields.STRING_OR_OBJECT,
    "tools": fields.ARRAY,
    "top_logprobs": fields.INTEGER,
    "top_p": fields.NUMBER,
    "truncation": fields.STRING,
    "user": fields.STRING,
}
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
# Any of these can stand for the input: it is then kept upstream.
_INPUT_ELSEWHERE = ("previous_response_id", "prompt", "conversation")


def create(call: Call) -> Response:
    """Answer ``createResponse``: a Response object, or with ``stream`` its events.

    It is kept unless ``store`` is false. In the ``background`` it is queued, where it is kept at all. Equal
    requests get equal answers, and the later one is kept, but in a conversation each has ids of its own.
    """
    resource = made(call)
    if call.given.get("stream"):
        return kept_responses.play(call, resource)
    return kept_responses.show(call, resource)


def made(call: Call) -> Resource:
    """Return the response that a request asks for, kept where it is to be kept."""
    body = parse_object(call.body)
    _check(body)
    context = context_of(call, body)
    prompt = context.prompt(body)
    function = tools.forced(body, wrapped=False)
    said = reply.decide(prompt, call.headers, function, formats.of_response(body))
    ids = call.ids if context.conversation is None else call.fresh()
    answer = Answer(ids, body, prompt, said.limited(body.get("max_output_tokens")))
    resource = kept_responses.keep(call, answer)
    if context.conversation is not None:
        context.extend(
            call.store, [*written_out(body.get("input"), resource.id), *answer.finished()["output"]]
        )
    return resource


def _check(body: JsonObject) -> None:
    if body.get("prompt") is None or body.get("model") is not None:
        fields.named(body, "model")
    if all(body.get(name) is None for name in _INPUT_ELSEWHERE):
        fields.require(body, ["input"])
    fields.check(body, _KINDS)
    fields.among(body, "service_tier", _TIERS)
    fields.bounded(body, "max_output_tokens", MIN_OUTPUT_TOKENS)
    fields.bounded(body, "temperature", 0, 2)
    fields.bounded(body, "top_p", 0, 1)
    fields.bounded(body, "top_logprobs", 0, 20)
    for name, value in (body.get("metadata") or {}).items():
        if not isinstance(value, str):
            raise errors.wrong_type(f"metadata.{name[:64]}", fields.STRING.name, value)
    if body.get("prompt") is not None:
        fields.require(body["prompt"], ["id"], within="prompt")
        fields.check(body["prompt"], {"id": fields.STRING}, within="prompt")


HANDLERS: dict[str, Handler] = {"createResponse": create, "beta_createResponse": create}
