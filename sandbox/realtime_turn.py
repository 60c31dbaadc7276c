"""One response of a realtime session: the events of its single item, in OpenAI's order."""

import asyncio
import contextlib
from collections.abc import Iterator

from sandbox import tokens
from sandbox.bodies import JsonObject
from sandbox.ids import Ids
from sandbox.prompt import Prompt
from sandbox.realtime_audio import WORD_MILLISECONDS, encoded
from sandbox.realtime_items import Conversation, Item
from sandbox.reply import Reply
from sandbox.session import ID_LENGTH

_PLACE = {"output_index": 0}
_LIMITS: list[JsonObject] = [
    {"name": "requests", "limit": 10_000, "remaining": 9_999, "reset_seconds": 0.006},
    {"name": "tokens", "limit": 2_000_000, "remaining": 1_999_000, "reset_seconds": 0.03},
]


class Turn:
    """What a session says in answer to one ``response.create``.

    ``params`` are the session's fields with those of the request over them. Without a conversation the item
    is remembered nowhere.
    """

    def __init__(
        self, ids: Ids, params: JsonObject, prompt: Prompt, said: Reply, conversation: Conversation | None
    ) -> None:
        self.id = ids.made("resp_", ID_LENGTH)
        self.conversation = conversation
        self._item_id = ids.made("item_", ID_LENGTH)
        self._call_id = ids.made("call_", 16)
        self._params = params
        self._prompt = prompt
        self._said = said
        self._status = "in_progress"
        self._words: list[str] = []
        self._cancelled = asyncio.Event()

    @property
    def speaks(self) -> bool:
        """Whether the answer is audio with its transcript, and not text or a call."""
        return not self._said.function and "audio" in self._params["output_modalities"]

    def cancel(self) -> None:
        """Say no more than was said."""
        self._cancelled.set()

    async def pause(self, seconds: float) -> None:
        """Let time pass, as long as there is more to be said; others get a turn in any case."""
        await asyncio.sleep(0)
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._cancelled.wait(), seconds)

    def events(self) -> Iterator[JsonObject]:
        """Yield the events, made as they are asked for, and keep the item in the conversation."""
        yield {"type": "response.created", "response": self._response([])}
        yield {"type": "rate_limits.updated", "rate_limits": _LIMITS}
        output = []
        if not self._cancelled.is_set():
            item = Item(self._item())
            yield from self._output(item)
            output = [item.facts]
        self._end()
        yield {"type": "response.done", "response": self._response(output)}

    def _output(self, item: Item) -> Iterator[JsonObject]:
        before: JsonObject = {}
        yield {"type": "response.output_item.added", **self._of(), "item": item.facts}
        if self.conversation is not None:
            before = {"previous_item_id": self.conversation.add(item)}
            yield {"type": "conversation.item.added", **before, "item": item.facts}
        yield from self._call() if self._said.function else self._speech(item)
        item.become(self._item())
        if self.conversation is not None:
            self.conversation.weigh(item)
            yield {"type": "conversation.item.done", **before, "item": item.facts}
        yield {"type": "response.output_item.done", **self._of(), "item": item.facts}

    def _speech(self, item: Item) -> Iterator[JsonObject]:
        place = {**self._of(), "item_id": self._item_id, "content_index": 0}
        yield {"type": "response.content_part.added", **place, "part": self._part("")}
        for word in self._spoken():
            if self.speaks:
                item.speak(self._format(), WORD_MILLISECONDS)
            yield from self._deltas(place, word)
        text = "".join(self._words)
        if self.speaks:
            yield {"type": "response.output_audio.done", **place}
            yield {"type": "response.output_audio_transcript.done", **place, "transcript": text}
        else:
            yield {"type": "response.output_text.done", **place, "text": text}
        yield {"type": "response.content_part.done", **place, "part": self._part(text)}

    def _deltas(self, place: JsonObject, word: str) -> Iterator[JsonObject]:
        if not self.speaks:
            yield {"type": "response.output_text.delta", **place, "delta": word}
            return
        audio = encoded(self._format(), WORD_MILLISECONDS)
        yield {"type": "response.output_audio_transcript.delta", **place, "delta": word}
        yield {"type": "response.output_audio.delta", **place, "delta": audio}

    def _call(self) -> Iterator[JsonObject]:
        place = {**self._of(), "item_id": self._item_id, "call_id": self._call_id}
        for word in self._spoken():
            yield {"type": "response.function_call_arguments.delta", **place, "delta": word}
        whole = {"name": self._said.function, "arguments": "".join(self._words)}
        yield {"type": "response.function_call_arguments.done", **place, **whole}

    def _spoken(self) -> Iterator[str]:
        """Each word as it is said, until there is none or the client wants no more; then it has ended."""
        for word in tokens.words(self._said.text):
            if self._cancelled.is_set():
                break
            self._words.append(word)
            yield word
        self._end()

    def _end(self) -> None:
        if self._status == "in_progress":
            whole = "incomplete" if self._said.truncated else "completed"
            self._status = "cancelled" if self._cancelled.is_set() else whole

    def _of(self) -> JsonObject:
        return {"response_id": self.id, **_PLACE}

    def _format(self) -> str:
        return str(self._params["audio"]["output"]["format"]["type"])

    def _part(self, text: str) -> JsonObject:
        return {"type": "audio", "transcript": text} if self.speaks else {"type": "text", "text": text}

    def _item(self) -> JsonObject:
        status = "incomplete" if self._status == "cancelled" else self._status
        head = {"id": self._item_id, "object": "realtime.item", "status": status}
        text = "".join(self._words)
        if self._said.function:
            called = {"call_id": self._call_id, "name": self._said.function, "arguments": text}
            return {**head, "type": "function_call", **called}
        kind = (
            {"type": "output_audio", "transcript": text}
            if self.speaks
            else {"type": "output_text", "text": text}
        )
        content = [] if self._status == "in_progress" else [kind]
        return {**head, "type": "message", "role": "assistant", "content": content}

    def _response(self, output: list[JsonObject]) -> JsonObject:
        response: JsonObject = {
            "object": "realtime.response",
            "id": self.id,
            "status": self._status,
            "output": output,
        }
        if self.conversation is not None:
            response["conversation_id"] = self.conversation.id
        for name in ("output_modalities", "max_output_tokens", "metadata"):
            if self._params.get(name) is not None:
                response[name] = self._params[name]
        if "audio" in self._params["output_modalities"]:
            spoken = self._params["audio"]["output"]
            response["audio"] = {"output": {name: spoken[name] for name in ("format", "voice")}}
        if self._status != "in_progress":
            response |= {"status_details": self._details(), "usage": self._usage()}
        return response

    def _details(self) -> JsonObject:
        reasons = {"cancelled": "client_cancelled", "incomplete": "max_output_tokens"}
        reason = {"reason": reasons[self._status]} if self._status in reasons else {}
        return {"type": self._status, **reason}

    def _usage(self) -> JsonObject:
        text, audio = tokens.count("".join(self._words)), len(self._words) if self.speaks else 0
        asked, answered = self._prompt.tokens, text + audio
        none = {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0}
        heard = {**none, "text_tokens": asked, "cached_tokens": 0, "cached_tokens_details": none}
        return {
            "total_tokens": asked + answered,
            "input_tokens": asked,
            "output_tokens": answered,
            "input_token_details": heard,
            "output_token_details": {"text_tokens": text, "audio_tokens": audio},
        }
