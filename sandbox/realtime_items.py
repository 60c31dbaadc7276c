"""The conversation of a realtime session: its items in order, each with the audio that it holds."""

from dataclasses import dataclass

from sandbox import fields
from sandbox.bodies import JsonObject
from sandbox.errors import ApiError
from sandbox.ids import Ids
from sandbox.realtime_audio import encoded
from sandbox.session import ID_LENGTH
from sandbox.store import weight

MAX_ITEMS = 1_000
MAX_BYTES = 32 * 1024 * 1024
ROOT = "root"

_SHOWN_MILLISECONDS = 60_000


@dataclass
class Item:
    """One item as events show it, without audio.

    ``audio`` is what its user spoke, in base64; what the model spoke is silence of some milliseconds in the
    format ``spoken``.
    """

    facts: JsonObject
    audio: str = ""
    spoken: str = ""
    milliseconds: int = 0
    weight: int = 0
    truncated: bool = False

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.facts["id"])

    def whole(self) -> JsonObject:
        """Return the item with its audio: of what the model spoke the first minute."""
        audio = self.audio or encoded(self.spoken, min(self.milliseconds, _SHOWN_MILLISECONDS))
        if not audio:
            return self.facts
        return {**self.facts, "content": [_heard(part, audio) for part in self.facts["content"]]}

    def speak(self, kind: str, milliseconds: int) -> None:
        """Take note of what the model speaks, in a format such as ``audio/pcm``."""
        self.spoken = kind
        if not self.truncated:
            self.milliseconds += milliseconds

    def become(self, facts: JsonObject) -> None:
        """Take the facts of a later moment; the transcript of what was truncated stays away."""
        self.facts = (
            {**facts, "content": [_cut(part) for part in facts["content"]]} if self.truncated else facts
        )

    def truncate(self, part: int, milliseconds: int) -> None:
        """Leave so much of what the model spoke, and no transcript; 400 for what it did not speak."""
        if not self.spoken:
            message = "Only the audio of an assistant's message can be truncated."
            raise ApiError(400, message, param="item_id", code="invalid_value")
        fields.bounded({"content_index": part}, "content_index", 0, 0)
        fields.bounded({"audio_end_ms": milliseconds}, "audio_end_ms", 0, self.milliseconds)
        self.milliseconds = milliseconds
        self.truncated = True
        self.become(self.facts)


def _cut(part: JsonObject) -> JsonObject:
    return {name: value for name, value in part.items() if name != "transcript"}


def _heard(part: JsonObject, audio: str) -> JsonObject:
    return {**part, "audio": audio} if str(part.get("type")).endswith("_audio") else part


def written(given: JsonObject, ids: Ids) -> Item:
    """Return an item as a client gives it, with ids where it has none."""
    facts = {"id": ids.made("item_", ID_LENGTH), **given}
    if facts["type"] in {"message", "function_call", "function_call_output"}:
        facts |= {"object": "realtime.item", "status": facts.get("status", "completed")}
    if facts["type"] == "function_call":
        facts.setdefault("call_id", ids.made("call_", 16))
    if facts["type"] != "message":
        return Item(facts)
    audio = next((part["audio"] for part in facts["content"] if part.get("audio")), "")
    parts = [{key: value for key, value in part.items() if key != "audio"} for part in facts["content"]]
    return Item({**facts, "content": parts}, audio)


class Conversation:
    """The items of a session, oldest first.

    At most 1,000 of them and about 32 MiB are kept: the oldest make room, as in ``truncation: auto``.
    """

    def __init__(self, name: str) -> None:
        self.id = name
        self._items: list[Item] = []

    @property
    def items(self) -> list[Item]:
        """The items, oldest first."""
        return list(self._items)

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Add an item behind another, at the beginning (``root``), or at the end; return the id before it.

        A 400 where it has the id of another, or ``after`` is no item's.
        """
        if self._find(item.id) is not None:
            message = f"Error adding item: the conversation has an item with id '{item.id[:200]}' already."
            raise ApiError(400, message, param="item.id", code="item_create_duplicate_item_id")
        place = len(self._items) if after is None else 0 if after == ROOT else self._after(after)
        self._items.insert(place, item)
        before = self._items[place - 1].id if place else None
        self.weigh(item)
        return before

    def weigh(self, item: Item) -> None:
        """Take note of how much memory an item takes by now; others make room for it."""
        item.weight = weight(item.facts) + len(item.audio)
        size = sum(one.weight for one in self._items)
        while len(self._items) > 1 and (len(self._items) > MAX_ITEMS or size > MAX_BYTES):
            size -= self._items.pop(0).weight

    def find(self, name: str, verb: str) -> Item:
        """Return an item by its id; a 400 that says what could not be done to it where there is none."""
        place = self._find(name)
        if place is None:
            doing = verb.removesuffix("e") + "ing"
            message = f"Error {doing} item: the item with id '{name[:200]}' does not exist."
            raise ApiError(400, message, param="item_id", code=f"item_{verb}_invalid_item_id")
        return self._items[place]

    def remove(self, name: str) -> None:
        """Forget an item; a 400 where there is none."""
        self._items.remove(self.find(name, "delete"))

    def _find(self, name: str) -> int | None:
        return next((place for place, item in enumerate(self._items) if item.id == name), None)

    def _after(self, name: str) -> int:
        place = self._find(name)
        if place is None:
            message = f"Error adding item: the previous item with id '{name[:200]}' does not exist."
            raise ApiError(
                400, message, param="previous_item_id", code="item_create_invalid_previous_item_id"
            )
        return place + 1


def told(item: JsonObject) -> JsonObject:
    """Return what a prompt reads of an item: what was spoken counts as its text."""
    if item["type"] != "message":
        return {name: item[name] for name in ("type", "output") if name in item}
    parts = [{"text": part.get("text") or part.get("transcript") or ""} for part in item["content"]]
    return {"role": item["role"], "content": parts}
