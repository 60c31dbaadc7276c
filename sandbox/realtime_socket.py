"""``/v1/realtime`` as a WebSocket: a conversation in the events of the contract."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from sandbox import client_events, realtime_session, reply, tokens, tools
from sandbox.bodies import JsonObject
from sandbox.errors import ApiError, missing
from sandbox.families import family
from sandbox.ids import Ids
from sandbox.prompt import Prompt, from_input
from sandbox.realtime import COLLECTION
from sandbox.realtime_audio import Buffer, decoded
from sandbox.realtime_items import ID_LENGTH, Conversation, Item, told, written
from sandbox.realtime_turn import Turn
from sandbox.session import Opening, Say, Session, error_fields, event_id

DEFAULT_MODEL = "gpt-realtime"
MAX_TURNS = 16
EVENTS = "RealtimeClientEvent"


class RealtimeSession(Session):
    """A session with a model, with the call that ``call_id`` names, or with ``intent=transcription``."""

    def __init__(self, opening: Opening, say: Say) -> None:
        super().__init__(opening, say)
        model = _model(opening)
        self._made = 0
        self._session = realtime_session.begun(
            opening.ids.made("sess_", ID_LENGTH), model, opening.sandbox.store.now()
        )
        self._conversation = Conversation(opening.ids.made("conv_", ID_LENGTH))
        self._buffer = Buffer()
        self._turns: dict[str, Turn] = {}
        self._spoken = False
        self._answers: Mapping[str, Callable[[JsonObject], Awaitable[None]]] = {
            "conversation.item.create": self._create,
            "conversation.item.delete": self._delete,
            "conversation.item.retrieve": self._retrieve,
            "conversation.item.truncate": self._truncate,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.clear": self._clear,
            "input_audio_buffer.commit": self._commit,
            "output_audio_buffer.clear": self._silence,
            "response.cancel": self._cancel,
            "response.create": self._respond,
            "session.update": self._update,
        }

    async def begin(self) -> None:
        """Say what the session is."""
        await self._tell({"type": "session.created", "session": self._session})

    async def answer(self, event: JsonObject) -> None:
        """Do what a client's event asks for."""
        client_events.check(_unambiguous(event), EVENTS)
        await self._answers[event["type"]](event)

    async def refuse(self, error: ApiError, event: JsonObject) -> None:
        """Say that an event was refused, in an event of type ``error``."""
        await self._tell({"type": "error", "error": {**error_fields(error), "event_id": event_id(event)}})

    async def _tell(self, event: JsonObject) -> None:
        await self.say({"type": event["type"], "event_id": self._next().made("event_", ID_LENGTH), **event})

    def _next(self) -> Ids:
        self._made += 1
        return self.opening.ids.repeated(self._made)

    async def _update(self, event: JsonObject) -> None:
        self._session = realtime_session.updated(self._session, event["session"], spoken=self._spoken)
        await self._tell({"type": "session.updated", "session": self._session})

    async def _append(self, event: JsonObject) -> None:
        self._buffer.append(event["audio"])

    async def _clear(self, _event: JsonObject) -> None:
        self._buffer.clear()
        await self._tell({"type": "input_audio_buffer.cleared"})

    async def _commit(self, event: JsonObject) -> None:
        audio = self._buffer.commit(realtime_session.input_format(self._session)["type"])
        content = [{"type": "input_audio"}]
        given = {"type": "message", "role": "user", "content": content}
        item = Item(written(given, self._next()).facts, audio)
        items = self._conversation.items
        before = items[-1].id if items else None
        committed = {"item_id": item.id, "previous_item_id": before}
        await self._tell({"type": "input_audio_buffer.committed", **committed})
        await self._add(item)
        if transcription := self._session["audio"]["input"].get("transcription"):
            self.run(self._transcribe(item, transcription), event)

    async def _transcribe(self, item: Item, transcription: JsonObject) -> None:
        asked = Prompt(transcription.get("prompt") or "", "", 0)
        text = reply.decide(asked, self.opening.headers, None, reply.Format()).text
        kind = "conversation.item.input_audio_transcription"
        place = {"item_id": item.id, "content_index": 0}
        for word in tokens.words(text):
            await self._tell({"type": f"{kind}.delta", **place, "delta": word})
            await asyncio.sleep(self.opening.delay)
        count = tokens.count(text)
        usage = {"type": "tokens", "input_tokens": 10, "output_tokens": count, "total_tokens": 10 + count}
        item.facts = {**item.facts, "content": [{"type": "input_audio", "transcript": text}]}
        await self._tell({"type": f"{kind}.completed", **place, "transcript": text, "usage": usage})

    async def _create(self, event: JsonObject) -> None:
        content = event["item"].get("content") or []
        for index, part in enumerate(content):
            decoded(part.get("audio") or "", f"item.content[{index}].audio")
        await self._add(written(event["item"], self._next()), event.get("previous_item_id"))

    async def _add(self, item: Item, after: str | None = None) -> None:
        added = {"previous_item_id": self._conversation.add(item, after), "item": item.facts}
        await self._tell({"type": "conversation.item.added", **added})
        await self._tell({"type": "conversation.item.done", **added})

    async def _retrieve(self, event: JsonObject) -> None:
        item = self._conversation.find(event["item_id"], "retrieve")
        await self._tell({"type": "conversation.item.retrieved", "item": item.whole()})

    async def _delete(self, event: JsonObject) -> None:
        self._conversation.remove(event["item_id"])
        await self._tell({"type": "conversation.item.deleted", "item_id": event["item_id"]})

    async def _truncate(self, event: JsonObject) -> None:
        item = self._conversation.find(event["item_id"], "truncate")
        item.truncate(event["content_index"], event["audio_end_ms"])
        place = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        await self._tell({"type": "conversation.item.truncated", **place})

    async def _respond(self, event: JsonObject) -> None:
        turn = self._turn(event.get("response") or {})
        self._turns[turn.id] = turn
        self._spoken |= turn.speaks
        self.run(self._take_turn(turn), event)

    async def _take_turn(self, turn: Turn) -> None:
        try:
            for number, event in enumerate(turn.events()):
                if number:
                    await turn.pause(self.opening.delay)
                await self._tell(event)
        finally:
            del self._turns[turn.id]

    def _turn(self, given: JsonObject) -> Turn:
        if self._session["type"] == realtime_session.TRANSCRIPTION:
            message = "A transcription session makes no responses."
            raise ApiError(400, message, param="type", code="invalid_value")
        own = given.get("conversation") != "none"
        active = [turn for turn in self._turns.values() if turn.conversation is not None or not own]
        if len(active) >= (1 if own else MAX_TURNS):
            message = (
                f"Conversation already has an active response in progress: {active[0].id}. "
                "Wait until the response is finished before creating a new one."
            )
            raise ApiError(400, message, code="conversation_already_has_active_response")
        params = realtime_session.asked(self._session, given)
        before = [item.facts for item in self._conversation.items]
        heard = [told(item) for item in given.get("input") or before]
        prompt = from_input([], params.get("instructions"), before=heard)
        function = tools.forced(params, wrapped=False)
        said = reply.decide(prompt, self.opening.headers, function, reply.Format())
        limit = params.get("max_output_tokens")
        said = said.limited(limit if isinstance(limit, int) else None)
        return Turn(self._next(), params, prompt, said, self._conversation if own else None)

    async def _cancel(self, event: JsonObject) -> None:
        name = event.get("response_id")
        turns = self._turns.values()
        found = [turn for turn in turns if turn.id == name or (name is None and turn.conversation)]
        if not found:
            message = "Cancellation failed: no active response found"
            raise ApiError(400, message, code="response_cancel_not_active")
        found[0].cancel()

    async def _silence(self, _event: JsonObject) -> None:
        message = (
            "Only where the server plays the audio, over WebRTC and SIP, is there an output audio buffer."
        )
        raise ApiError(400, message, param="type", code="invalid_value")


def _model(opening: Opening) -> str | None:
    """The model that the query names or stands for; none where speech is only to be written down."""
    query = opening.query
    if query.get("intent") == realtime_session.TRANSCRIPTION:
        return None
    call = query.get("call_id")
    if call and opening.sandbox.store.find(COLLECTION, call) is None:
        raise family(COLLECTION).unknown(call)
    model = query.get("model") or (DEFAULT_MODEL if call else None)
    if model is None:
        raise missing("model")
    return model


def _unambiguous(event: JsonObject) -> JsonObject:
    """An event as the contract can judge it: ``conversation`` is a string in two ways at once."""
    given = event.get("response")
    if event.get("type") != "response.create" or not isinstance(given, dict):
        return event
    if not isinstance(given.get("conversation"), str):
        return event
    return {**event, "response": {name: part for name, part in given.items() if name != "conversation"}}
