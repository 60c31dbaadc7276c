"""The Response object of ``POST /v1/responses``, as it begins and as it ends."""

from dataclasses import dataclass
from functools import cached_property

from sandbox import models
from sandbox.bodies import JsonObject
from sandbox.ids import Ids
from sandbox.prompt import Prompt
from sandbox.reply import Reply

# What a response says where the request is silent; the rest of it is given back as it came.
_ECHOED: JsonObject = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}
_ECHOED_IF_GIVEN = ("prompt", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "user")


@dataclass(frozen=True)
class Answer:
    """One response and its single output item, at the beginning and at the end."""

    ids: Ids
    body: JsonObject
    prompt: Prompt
    said: Reply

    @property
    def status(self) -> str:
        """How the response and its item end: ``completed``, or ``incomplete`` where a limit cut them."""
        return "incomplete" if self.said.truncated else "completed"

    def at(self, status: str) -> JsonObject:
        """Return the Response object with a status: with all of its output where that is how it ends."""
        return self.finished() if status == self.status else self.begun(status)

    def begun(self, status: str = "in_progress") -> JsonObject:
        """Return the Response object before anything was said."""
        return {**self._head(status), "completed_at": None, "incomplete_details": None, "output": []}

    def finished(self) -> JsonObject:
        """Return the Response object with all of its output."""
        return {
            **self._head(self.status),
            "completed_at": None if self.said.truncated else self.ids.created() + 1,
            "incomplete_details": {"reason": "max_output_tokens"} if self.said.truncated else None,
            "output": [self.item(self.said.text, self.status)],
            "usage": usage(self.prompt.tokens, self.said.tokens),
        }

    def item(self, text: str | None, status: str) -> JsonObject:
        """Return the output item, a message or a function call, saying ``text``; ``None`` is before any."""
        if self.said.function:
            return {
                "id": self.ids.function_call(),
                "type": "function_call",
                "status": status,
                "arguments": text or "",
                "call_id": self.ids.call(),
                "name": self.said.function,
            }
        content = [] if text is None else [self.part(text)]
        identity = {"id": self.ids.message(), "type": "message", "status": status}
        return {**identity, "content": content, "role": "assistant"}

    def part(self, text: str) -> JsonObject:
        """Return the content part of a message."""
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}

    def _head(self, status: str) -> JsonObject:
        return {
            "id": self.ids.response(),
            "object": "response",
            "created_at": self.ids.created(),
            "status": status,
            "error": None,
            **self._echo,
        }

    @cached_property
    def _echo(self) -> JsonObject:
        return _echo(self.body)


def usage(asked: int, answered: int) -> JsonObject:
    """Return the account of so many tokens of input and of output."""
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": answered,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + answered,
    }


def _echo(body: JsonObject) -> JsonObject:
    given = {name: value for name, value in body.items() if value is not None}
    tier = given.get("service_tier", "auto")
    echo = {name: given.get(name, default) for name, default in _ECHOED.items()}
    echo |= {name: given[name] for name in _ECHOED_IF_GIVEN if name in given}
    echo |= {
        "model": given.get("model", models.DEFAULT),
        "reasoning": {"effort": None, "summary": None, **given.get("reasoning", {})},
        "service_tier": "default" if tier == "auto" else tier,
        "text": _text(given.get("text", {})),
        "tools": [_tool(tool) for tool in given.get("tools", [])],
    }
    if "conversation" in given:
        echo["conversation"] = _conversation(given["conversation"])
    return echo


def _tool(tool: JsonObject) -> JsonObject:
    if tool["type"] != "function":
        return tool
    defaults: JsonObject = {"description": None, "parameters": None, "strict": True}
    return {**defaults, **{name: value for name, value in tool.items() if value is not None}}


def _text(given: JsonObject) -> JsonObject:
    defaults: JsonObject = {"format": {"type": "text"}, "verbosity": "medium"}
    return {**defaults, **{name: value for name, value in given.items() if value is not None}}


def _conversation(given: str | JsonObject) -> JsonObject:
    return {"id": given if isinstance(given, str) else given["id"]}
