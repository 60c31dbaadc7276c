"""``POST /v1/chat/completions``, answered whole or in chunks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from sandbox import errors, events, fields, formats, kept_chat, reply, tokens, tools
from sandbox.bodies import JsonObject, parse_object
from sandbox.call import Call, Handler
from sandbox.ids import Ids, fingerprint
from sandbox.prompt import Prompt, from_messages
from sandbox.reply import Reply

MAX_CHOICES = 128
MAX_STOPS = 4
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")

_KINDS = {
    "messages": fields.ARRAY,
    "frequency_penalty": fields.NUMBER,
    "logit_bias": fields.OBJECT,
    "logprobs": fields.BOOLEAN,
    "max_completion_tokens": fields.INTEGER,
    "max_tokens": fields.INTEGER,
    "metadata": fields.OBJECT,
    "n": fields.INTEGER,
    "parallel_tool_calls": fields.BOOLEAN,
    "presence_penalty": fields.NUMBER,
    "reasoning_effort": fields.STRING,
    "response_format": fields.OBJECT,
    "seed": fields.INTEGER,
    "service_tier": fields.STRING,
    "stop": fields.STRING_OR_ARRAY,
    "store": fields.BOOLEAN,
    "stream": fields.BOOLEAN,
    "stream_options": fields.OBJECT,
    "temperature": fields.NUMBER,
    "tool_choice": fields.STRING_OR_OBJECT,
    "tools": fields.ARRAY,
    "top_logprobs": fields.INTEGER,
    "top_p": fields.NUMBER,
    "user": fields.STRING,
}


def create(call: Call) -> Response:
    """Answer ``createChatCompletion``: a ``chat.completion``, or with ``stream`` its chunks and ``[DONE]``.

    All ``n`` choices say the same. ``logprobs`` are null. With ``store`` it is kept.
    """
    body = parse_object(call.body)
    model = fields.named(body, "model")
    messages = _check(body)
    prompt = from_messages(messages)
    function = tools.forced(body, wrapped=True)
    said = reply.decide(prompt, call.headers, function, formats.of_chat(body))
    said = said.until(_stops(body)).limited(body.get("max_completion_tokens") or body.get("max_tokens"))
    completion = _Completion(call.ids, model, said, body.get("n") or 1, prompt, body.get("service_tier"))
    if body.get("store"):
        kept_chat.keep(call, completion.whole(), body)
    if not body.get("stream"):
        return JSONResponse(completion.whole())
    options = body.get("stream_options") or {}
    return call.stream(_frames(completion.chunks(with_usage=bool(options.get("include_usage")))))


def _check(body: JsonObject) -> list[JsonObject]:
    fields.require(body, ["messages"])
    fields.check(body, _KINDS)
    for name in ("max_tokens", "max_completion_tokens"):
        fields.bounded(body, name, 1)
    fields.among(body, "service_tier", _TIERS)
    fields.bounded(body, "n", 1, MAX_CHOICES)
    fields.bounded(body, "temperature", 0, 2)
    fields.bounded(body, "top_p", 0, 1)
    if not body["messages"]:
        raise errors.empty("messages", "array")
    return fields.objects(body["messages"], "messages")


def _stops(body: JsonObject) -> list[str]:
    given = body.get("stop") or []
    stops = [given] if isinstance(given, str) else given
    if len(stops) > MAX_STOPS:
        raise errors.too_many("stop", MAX_STOPS, len(stops))
    for index, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise errors.wrong_type(f"stop[{index}]", fields.STRING.name, stop)
    return stops


def _frames(chunks: Iterable[JsonObject]) -> Iterator[bytes]:
    for chunk in chunks:
        yield events.frame(chunk)
    yield events.DONE


@dataclass(frozen=True)
class _Completion:
    ids: Ids
    model: str
    said: Reply
    count: int
    prompt: Prompt
    tier: str | None

    def whole(self) -> JsonObject:
        """Return the ``chat.completion`` object."""
        choices = [
            {
                "index": index,
                "message": self._message(index),
                "logprobs": None,
                "finish_reason": self._reason(),
            }
            for index in range(self.count)
        ]
        return {**self._head("chat.completion"), "choices": choices, "usage": self._usage()}

    def chunks(self, *, with_usage: bool) -> Iterator[JsonObject]:
        """Yield the ``chat.completion.chunk`` objects, all choices side by side."""
        blank: JsonObject = {"usage": None} if with_usage else {}
        head = self._head("chat.completion.chunk")
        for deltas, reason in self._steps():
            for index, delta in enumerate(deltas):
                choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
                yield {**head, "choices": [choice], **blank}
        if with_usage:
            yield {**head, "choices": [], "usage": self._usage()}

    def _steps(self) -> Iterator[tuple[list[JsonObject], str | None]]:
        """Yield the deltas of all choices for each step, and with the last ones the reason to finish."""
        yield [self._opening(index) for index in range(self.count)], None
        for word in tokens.words(self.said.text):
            yield [self._delta(word)] * self.count, None
        yield [{}] * self.count, self._reason()

    def _head(self, kind: str) -> JsonObject:
        return {
            "id": self.ids.completion(),
            "object": kind,
            "created": self.ids.created(),
            "model": self.model,
            "service_tier": self.tier if self.tier not in (None, "auto") else "default",
            "system_fingerprint": fingerprint(self.model),
        }

    def _message(self, index: int) -> JsonObject:
        message: JsonObject = {
            "role": "assistant",
            "content": self.said.text,
            "refusal": None,
            "annotations": [],
        }
        if self.said.function:
            message |= {"content": None, "tool_calls": [self._call(index, self.said.text)]}
        return message

    def _opening(self, index: int) -> JsonObject:
        delta: JsonObject = {"role": "assistant", "content": "", "refusal": None}
        if self.said.function:
            delta |= {"content": None, "tool_calls": [{"index": 0, **self._call(index, "")}]}
        return delta

    def _delta(self, word: str) -> JsonObject:
        if self.said.function:
            return {"tool_calls": [{"index": 0, "function": {"arguments": word}}]}
        return {"content": word}

    def _call(self, index: int, arguments: str) -> JsonObject:
        called = {"name": self.said.function, "arguments": arguments}
        return {"id": self.ids.call(index), "type": "function", "function": called}

    def _reason(self) -> str:
        if self.said.truncated:
            return "length"
        return "tool_calls" if self.said.function else "stop"

    def _usage(self) -> JsonObject:
        asked, answered = self.prompt.tokens, self.said.tokens * self.count
        return {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


HANDLERS: dict[str, Handler] = {"createChatCompletion": create}
