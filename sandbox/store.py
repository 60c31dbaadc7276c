"""What the sandbox remembers: resources in collections, in the order in which they were made."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.bodies import JsonObject
from sandbox.content import Content
from sandbox.ids import EPOCH

MAX_KEPT = 10_000
MAX_KEPT_BYTES = 512 * 1024 * 1024
MAX_COUNTED = 100_000
_VALUE_BYTES = 100


@dataclass
class Resource:
    """One resource: the facts that its answers are made of, and what no answer shows.

    ``steps`` are the statuses still to come, one for each time that it is looked at. ``size`` is about how
    many bytes of memory ``hidden`` takes, where that may be many; ``weight`` is the store's, of all of it.
    """

    id: str
    facts: JsonObject
    content: Content | None = None
    steps: list[str] = field(default_factory=list)
    hidden: dict[str, Any] = field(default_factory=dict)
    size: int = 0
    weight: int = 0


class Store:
    """Resources by collection, such as ``/files`` or ``/vector_stores/vs_1/files``, and by id within it.

    A collection keeps its 10,000 newest. All of them together are to take about 512 MiB of memory, over which
    the oldest of the largest collection make room, but never for themselves: the newest is kept, however
    large it is.
    """

    def __init__(self) -> None:
        self._collections: dict[str, dict[str, Resource]] = {}
        self._sizes: Counter[str] = Counter()
        self._size = 0
        self._told: dict[bytes, int] = {}
        self._clock = 0

    def now(self) -> int:
        """Return the time in seconds since 1970 by the sandbox's clock, which each call advances by one."""
        self._clock += 1
        return EPOCH + self._clock

    def repeated(self, request: bytes) -> int:
        """Return how often this was told of the same request before, among the last 100,000 others."""
        digest = hashlib.sha256(request).digest()
        times = self._told.pop(digest, 0)
        self._told[digest] = times + 1
        if len(self._told) > MAX_COUNTED:
            del self._told[next(iter(self._told))]
        return times

    def add(self, collection: str, resource: Resource) -> Resource:
        """Keep a resource, as the newest; one of the same id is replaced."""
        kept = self._collections.setdefault(collection, {})
        if replaced := kept.pop(resource.id, None):
            self._count(collection, -replaced.weight)
        kept[resource.id] = resource
        if len(kept) > MAX_KEPT:
            self.remove(collection, next(iter(kept)))
        resource.weight = 0
        self.weigh(collection, resource)
        return resource

    def weigh(self, collection: str, resource: Resource) -> None:
        """Take note of how much memory a resource takes by now; others make room for it."""
        if self.find(collection, resource.id) is not resource:
            return
        before = resource.weight
        content = resource.content.memory if resource.content else 0
        resource.weight = weight(resource.facts) + content + resource.size
        self._count(collection, resource.weight - before)
        while self._size > MAX_KEPT_BYTES:
            largest = max(self._sizes, key=self._sizes.__getitem__)
            others = (one.id for one in self._collections[largest].values() if one is not resource)
            oldest = next(others, None)
            if oldest is None:
                return
            self.remove(largest, oldest)

    def find(self, collection: str, name: str) -> Resource | None:
        """Return a resource by its id."""
        return self._collections.get(collection, {}).get(name)

    def all(self, collection: str) -> list[Resource]:
        """Return the resources of a collection, oldest first."""
        return list(self._collections.get(collection, {}).values())

    def remove(self, collection: str, name: str) -> None:
        """Forget a resource and every collection below it."""
        self._count(collection, -self._collections[collection].pop(name).weight)
        below = f"{collection}/{name}/"
        for nested in [key for key in self._collections if key.startswith(below)]:
            del self._collections[nested]
            self._size -= self._sizes.pop(nested, 0)

    def _count(self, collection: str, size: int) -> None:
        self._sizes[collection] += size
        self._size += size


def weight(value: object) -> int:
    """Return about how many bytes of memory a JSON value takes: its text, and an object for each value."""
    text = json.dumps(value, ensure_ascii=False)
    # One character beyond ASCII makes all of its string wider.
    return len(text) * (1 if text.isascii() else 4) + _VALUE_BYTES * sum(map(text.count, ",[{"))
