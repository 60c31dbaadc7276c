"""Legacy completions and moderations: texts that are answered without a conversation around them."""

from collections.abc import Iterator

from starlette.responses import JSONResponse, Response

from sandbox import errors, events, reply, tokens
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.ids import fingerprint
from sandbox.prompt import Prompt
from sandbox.reply import Reply
from sandbox.requests import check

# Each is answered by itself; no more of them than OpenAI embeds at once.
MAX_TEXTS = 2_048
_MAX_TOKENS = 16


def complete(call: Call) -> Response:
    """Answer ``createCompletion``: ``n`` choices for each prompt, whole or in chunks and ``[DONE]``."""
    check(call)
    given = call.given.get("max_tokens")
    limit = _MAX_TOKENS if given is None else given
    prompts = _prompts(call.given.get("prompt"))
    said = [_said(call, text, limit) for text in prompts]
    choices = [one for one in said for _ in range(call.given.get("n") or 1)]
    if call.flag("stream"):
        return call.stream(_chunks(call, choices))
    used = sum(one.tokens for one in choices)
    asked = sum(tokens.count(text) for text in prompts)
    usage = {"prompt_tokens": asked, "completion_tokens": used, "total_tokens": asked + used}
    shown = [_choice(index, one.text, _reason(one)) for index, one in enumerate(choices)]
    return JSONResponse({**_head(call), "choices": shown, "usage": usage})


def _said(call: Call, text: str, limit: int | None) -> Reply:
    return reply.decide(Prompt(text, "", 0), call.headers, None, reply.Format()).limited(limit)


def _prompts(given: object) -> list[str]:
    """The texts that a prompt is: one, several, or tokens, which stand for themselves."""
    if given is None:
        return [""]
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and len(given) > MAX_TEXTS and not isinstance(given[0], int):
        raise errors.too_many("prompt", MAX_TEXTS, len(given))
    if isinstance(given, list) and given and all(isinstance(one, (str, list)) for one in given):
        return [one if isinstance(one, str) else f"{len(one)} tokens" for one in given]
    if isinstance(given, list) and given:
        return [f"{len(given)} tokens"]
    raise errors.empty("prompt", "array")


def _chunks(call: Call, choices: list[Reply]) -> Iterator[bytes]:
    for index, one in enumerate(choices):
        for word in tokens.words(one.text):
            yield events.frame({**_head(call), "choices": [_choice(index, word, None)]})
        yield events.frame({**_head(call), "choices": [_choice(index, "", _reason(one))]})
    yield events.DONE


def _head(call: Call) -> JsonObject:
    return {
        "id": call.ids.made("cmpl-", 29),
        "object": "text_completion",
        "created": call.ids.created(),
        "model": call.given["model"],
        "system_fingerprint": fingerprint(call.given["model"]),
    }


def _choice(index: int, text: str, reason: str | None) -> JsonObject:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": reason}


def _reason(one: Reply) -> str:
    return "length" if one.truncated else "stop"


def moderate(call: Call) -> Response:
    """Answer ``createModeration``: nothing is ever flagged."""
    check(call)
    given = call.given["input"]
    texts = given if isinstance(given, list) and all(isinstance(one, str) for one in given) else [given]
    if len(texts) > MAX_TEXTS:
        raise errors.too_many("input", MAX_TEXTS, len(texts))
    facts = {"id": call.ids.made("modr-"), "model": call.given.get("model") or "omni-moderation-latest"}
    return call.answer({**facts, "results": [{"flagged": False} for _ in texts]})


HANDLERS: dict[str, Handler] = {"createCompletion": complete, "createModeration": moderate}
