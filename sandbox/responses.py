"""``POST /v1/responses``, answered whole or in events."""

from starlette.responses import JSONResponse, Response

from sandbox import errors, fields, formats, reply, tools
from sandbox.bodies import JsonObject, parse_object
from sandbox.call import Call
from sandbox.prompt import Prompt, from_input
from sandbox.response_events import frames
from sandbox.response_object import Answer

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
# Any of these can stand for the input: it is then kept upstream.
_INPUT_ELSEWHERE = ("previous_response_id", "prompt", "conversation")


def create(call: Call) -> Response:
    """Answer ``createResponse``: a Response object, or with ``stream`` its events.

    Nothing is kept: ``previous_response_id`` and ``conversation`` are taken on trust, and a response asked
    for in the ``background`` is complete at once.
    """
    body = parse_object(call.body)
    prompt = _check(body)
    function = tools.forced(body, wrapped=False)
    said = reply.decide(prompt, call.headers, function, formats.of_response(body))
    answer = Answer(call.ids, body, prompt, said.limited(body.get("max_output_tokens")))
    return call.stream(frames(answer)) if body.get("stream") else JSONResponse(answer.finished())


def _check(body: JsonObject) -> Prompt:
    if body.get("prompt") is None or body.get("model") is not None:
        fields.named(body, "model")
    if all(body.get(name) is None for name in _INPUT_ELSEWHERE):
        fields.require(body, ["input"])
    fields.check(body, _KINDS)
    fields.bounded(body, "max_output_tokens", MIN_OUTPUT_TOKENS)
    fields.bounded(body, "temperature", 0, 2)
    fields.bounded(body, "top_p", 0, 1)
    fields.bounded(body, "top_logprobs", 0, 20)
    for name, value in (body.get("metadata") or {}).items():
        if not isinstance(value, str):
            raise errors.wrong_type(f"metadata.{name[:64]}", fields.STRING.name, value)
    for name in ("prompt", "conversation"):
        if isinstance(body.get(name), dict):
            fields.require(body[name], ["id"], within=name)
            fields.check(body[name], {"id": fields.STRING}, within=name)
    given = body.get("input")
    return from_input(
        fields.objects(given, "input") if isinstance(given, list) else given, body.get("instructions")
    )
