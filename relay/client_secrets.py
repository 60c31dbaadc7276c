"""Client secrets: the short-lived keys that the upstream gave out through this relay."""

import hashlib
import time
from collections.abc import Callable
from heapq import heappop, heappush

_MOST = 10_000


class ClientSecrets:
    """Digests of secrets until they expire, at most 10,000: those that expire soonest go first.

    They are this process's alone: other workers and replicas know nothing of them. `clock` gives seconds
    since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._expiries: dict[bytes, float] = {}
        self._soonest: list[tuple[float, bytes]] = []

    def __repr__(self) -> str:
        return f"ClientSecrets(known={len(self._expiries)})"

    def remember(self, value: str, expires_at: float) -> None:
        """Know `value` until `expires_at`, in seconds since 1970; one that has expired is not taken in."""
        digest, now = hashlib.sha256(value.encode()).digest(), self._clock()
        if expires_at > now and self._expiries.get(digest) != expires_at:
            self._expiries[digest] = expires_at
            heappush(self._soonest, (expires_at, digest))
        while self._soonest and (self._soonest[0][0] <= now or len(self._soonest) > _MOST):
            expiry, digest = heappop(self._soonest)
            if self._expiries.get(digest) == expiry:
                del self._expiries[digest]

    def knows(self, shown: bytes) -> bool:
        """Whether `shown` is a secret that has not expired. What is looked up is its digest."""
        return self._expiries.get(hashlib.sha256(shown).digest(), 0) > self._clock()
