"""The events of ``POST /v1/responses`` with ``stream``, in OpenAI's order."""

from collections.abc import Iterator

from sandbox import tokens
from sandbox.bodies import JsonObject
from sandbox.response_object import Answer

_ITEM = {"output_index": 0}
_PART = {**_ITEM, "content_index": 0}


def sequence(answer: Answer, *, background: bool = False) -> Iterator[JsonObject]:
    """Yield the events, numbered from zero in ``sequence_number``; in the background it is queued first."""
    for number, event in enumerate(_events(answer, background=background)):
        yield {**event, "sequence_number": number}


def _events(answer: Answer, *, background: bool) -> Iterator[JsonObject]:
    yield {"type": "response.created", "response": answer.begun("queued" if background else "in_progress")}
    if background:
        yield {"type": "response.queued", "response": answer.begun("queued")}
    yield {"type": "response.in_progress", "response": answer.begun()}
    yield {"type": "response.output_item.added", **_ITEM, "item": answer.item(None, "in_progress")}
    yield from _arguments(answer) if answer.said.function else _text(answer)
    yield {"type": "response.output_item.done", **_ITEM, "item": answer.item(answer.said.text, answer.status)}
    yield {"type": f"response.{answer.status}", "response": answer.finished()}


def _text(answer: Answer) -> Iterator[JsonObject]:
    text = answer.said.text
    place = {"item_id": answer.ids.message(), **_PART}
    yield {"type": "response.content_part.added", **place, "part": answer.part("")}
    for word in tokens.words(text):
        yield {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": answer.part(text)}


def _arguments(answer: Answer) -> Iterator[JsonObject]:
    arguments = answer.said.text
    place = {"item_id": answer.ids.function_call(), **_ITEM}
    for word in tokens.words(arguments):
        yield {"type": "response.function_call_arguments.delta", **place, "delta": word}
    called = {"name": answer.said.function, "arguments": arguments}
    yield {"type": "response.function_call_arguments.done", **place, **called}
