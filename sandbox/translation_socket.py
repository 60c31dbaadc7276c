"""``/v1/realtime/translations`` as a WebSocket: speech in, the sandbox's reply out, word by word."""

import base64

from sandbox import client_events, realtime_session, reply, tokens
from sandbox.bodies import JsonObject
from sandbox.channel import Channel
from sandbox.errors import missing
from sandbox.prompt import Prompt
from sandbox.realtime_audio import decoded, duration
from sandbox.session import ID_LENGTH, Opening, RealtimeEvents

_EVENTS = "RealtimeTranslationClientEvent"
_UPDATE = "RealtimeTranslationSessionUpdateRequest"
_BEGUN: JsonObject = {"input": {"noise_reduction": None, "transcription": None}, "output": {"language": "en"}}


class TranslationSession(RealtimeEvents):
    """A session that says one word for each piece of audio, and the words that are left when it is closed."""

    def __init__(self, opening: Opening, channel: Channel) -> None:
        super().__init__(opening, channel)
        model = opening.query.get("model")
        if not model:
            raise missing("model")
        self._session: JsonObject = {
            "id": opening.ids.made("sess_", ID_LENGTH),
            "type": "translation",
            "expires_at": opening.sandbox.store.now() + realtime_session.SECONDS,
            "model": model,
            "audio": _BEGUN,
        }
        self._words = tokens.words(
            reply.decide(Prompt("", "", 0), opening.headers, None, reply.Format()).text
        )
        self._elapsed = 0.0

    async def begin(self) -> None:
        """Say what the session is."""
        await self.tell({"type": "session.created", "session": self._session})

    async def answer(self, event: JsonObject) -> None:
        """Do what a client's event asks for."""
        client_events.check(event, _EVENTS)
        match event["type"]:
            case "session.update":
                client_events.check_known(event["session"], _UPDATE, "session")
                self._session = realtime_session.merged(self._session, event["session"])
                await self.tell({"type": "session.updated", "session": self._session})
            case "session.close":
                for word in self._words:
                    await self._say("output_transcript", word)
                await self.tell({"type": "session.closed"})
                await self.channel.close()
            case _:
                await self._translate(decoded(event["audio"], "audio"))

    async def _translate(self, audio: bytes) -> None:
        self._elapsed += duration("audio/pcm", len(audio))
        word = next(self._words, None)
        if word is not None:
            if self._session["audio"]["input"]["transcription"]:
                await self._say("input_transcript", word)
            await self._say("output_transcript", word)
        await self._say("output_audio", base64.b64encode(bytes(len(audio))).decode())

    async def _say(self, kind: str, delta: str) -> None:
        what = {"sample_rate": 24_000, "channels": 1, "format": "pcm16"} if kind == "output_audio" else {}
        elapsed = {"elapsed_ms": int(self._elapsed)}
        await self.tell({"type": f"session.{kind}.delta", "delta": delta, **elapsed, **what})
