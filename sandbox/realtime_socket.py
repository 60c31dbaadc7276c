"""``/v1/realtime`` as a WebSocket: a conversation in the events of the contract."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from sandbox import client_events, realtime_session, reply, tokens, tools
from sandbox.bodies import JsonObject
from sandbox.channel import Channel
from sandbox.errors import ApiError, missing
from sandbox.families import family
from sandbox.prompt import Prompt, from_input
from sandbox.realtime import COLLECTION
from sandbox.realtime_audio import Buffer, decoded
from sandbox.realtime_items import Conversation, Item, told, written
from sandbox.realtime_turn import Turn
from sandbox.session import ID_LENGTH, Opening, RealtimeEvents

DEFAULT_MODEL = "gpt-realtime"
MAX_TURNS = 16
EVENTS = "RealtimeClientEvent"


class RealtimeSession(RealtimeEvents):
    """A session with a model, with the call that ``call_id`` names, or with ``intent=transcription``."""

    def __init__(self, opening: Opening, channel: Channel) -> None:
        super().__init__(opening, channel)
        model = _model(opening)
        name, now = opening.ids.made("sess_", ID_LENGTH), opening.sandbox.store.now()
        self._session = realtime_session.begun(name, model, now)
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
        await self.tell({"type": "session.created", "session": self._session})

    async def answer(self, event: JsonObject) -> None:
        """Do what a client's event asks for."""
        client_events.check(_judged(event), EVENTS)
        # Null takes something away from a session, and says nothing anywhere else.
        given = event if event["type"] == "session.update" else client_events.said(event)
        await self._answers[event["type"]](given)

    async def _update(self, event: JsonObject) -> None:
        self._session = realtime_session.updated(self._session, event["session"], spoken=self._spoken)
        await self.tell({"type": "session.updated", "session": self._session})

    async def _append(self, event: JsonObject) -> None:
        self._buffer.append(event["audio"])

    async def _clear(self, _event: JsonObject) -> None:
        self._buffer.clear()
        await self.tell({"type": "input_audio_buffer.cleared"})

    async def _commit(self, event: JsonObject) -> None:
        audio = self._buffer.commit(realtime_session.input_format(self._session))
        given = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
        item = written(given, self.next())
        items = self._conversation.items
        before = items[-1].id if items else None
        committed = {"item_id": item.id, "previous_item_id": before}
        await self.tell({"type": "input_audio_buffer.committed", **committed})
        await self._add(item)
        if transcription := self._session["audio"]["input"].get("transcription"):
            self.run(self._transcribe(item, transcription), event)

    async def _transcribe(self, item: Item, transcription: JsonObject) -> None:
        asked = Prompt(transcription.get("prompt") or "", "", 0)
        text = reply.decide(asked, self.opening.headers, None, reply.Format()).text
        kind = "conversation.item.input_audio_transcription"
        place = {"item_id": item.id, "content_index": 0}
        for word in tokens.words(text):
            await self.tell({"type": f"{kind}.delta", **place, "delta": word})
            await asyncio.sleep(self.opening.delay)
        count = tokens.count(text)
        usage = {"type": "tokens", "input_tokens": 10, "output_tokens": count, "total_tokens": 10 + count}
        item.facts = {**item.facts, "content": [{"type": "input_audio", "transcript": text}]}
        await self.tell({"type": f"{kind}.completed", **place, "transcript": text, "usage": usage})

    async def _create(self, event: JsonObject) -> None:
        item = event["item"]
        for index, part in enumerate(item["content"] if item["type"] == "message" else ()):
            decoded(part.get("audio") or "", f"item.content[{index}].audio")
        await self._add(written(item, self.next()), event.get("previous_item_id"))

    async def _add(self, item: Item, after: str | None = None) -> None:
        added = {"previous_item_id": self._conversation.add(item, after), "item": item.facts}
        await self.tell({"type": "conversation.item.added", **added})
        await self.tell({"type": "conversation.item.done", **added})

    async def _retrieve(self, event: JsonObject) -> None:
        item = self._conversation.find(event["item_id"], "retrieve")
        await self.tell({"type": "conversation.item.retrieved", "item": item.whole()})

    async def _delete(self, event: JsonObject) -> None:
        self._conversation.remove(event["item_id"])
        await self.tell({"type": "conversation.item.deleted", "item_id": event["item_id"]})

    async def _truncate(self, event: JsonObject) -> None:
        item = self._conversation.find(event["item_id"], "truncate")
        item.truncate(event["content_index"], event["audio_end_ms"])
        place = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        await self.tell({"type": "conversation.item.truncated", **place})

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
                await self.tell(event)
        finally:
            del self._turns[turn.id]

    def _turn(self, given: JsonObject) -> Turn:
        if self._session["type"] == realtime_session.TRANSCRIPTION:
            message = "A transcription session makes no responses."
            raise ApiError(400, message, param="type", code="invalid_value")
        own = given.get("conversation") != "none"
        active = [turn for turn in self._turns.values() if (turn.conversation is not None) == own]
        if len(active) >= (1 if own else MAX_TURNS):
            message = (
                f"Conversation already has an active response in progress: {active[0].id}. "
                "Wait until the response is finished before creating a new one."
            )
            raise ApiError(400, message, code="conversation_already_has_active_response")
        params = realtime_session.asked(self._session, given)
        prompt = from_input([], params.get("instructions"), before=self._heard(given))
        function = tools.forced(params, wrapped=False)
        said = reply.decide(prompt, self.opening.headers, function, reply.Format())
        limit = params.get("max_output_tokens")
        said = said.limited(limit if isinstance(limit, int) else None)
        return Turn(self.next(), params, prompt, said, self._conversation if own else None)

    def _heard(self, given: JsonObject) -> list[JsonObject]:
        """What a response goes on from: the ``input`` of its request, or else the whole conversation."""
        asked = given.get("input")
        if asked is None:
            return [told(item.facts) for item in self._conversation.items]
        find = self._conversation.find
        return [told(find(item["id"], "reference").facts if _refers(item) else item) for item in asked]

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


def _judged(event: JsonObject) -> JsonObject:
    """An event as the contract can judge it.

    By its schema ``conversation`` is a string in two ways at once, and a reference is no item.
    """
    given = event.get("response")
    if event.get("type") != "response.create" or not isinstance(given, dict):
        return event
    judged = dict(given)
    if isinstance(given.get("conversation"), str):
        del judged["conversation"]
    if isinstance(given.get("input"), list):
        judged["input"] = [item for item in given["input"] if not _refers(item)]
    return {**event, "response": judged}


def _refers(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "item_reference" and isinstance(item.get("id"), str)
