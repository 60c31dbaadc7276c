"""What a WebSocket may take."""

import math
from dataclasses import dataclass

from relay.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest `message` in bytes; seconds of `silence` before a ping, and of a `stall` in its reading."""

    message: int
    silence: int
    stall: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that `settings` name."""
        return cls(
            message=settings.relay_max_message_mb * 1024 * 1024,
            silence=math.ceil(settings.relay_ping_seconds),
            stall=math.ceil(settings.relay_timeout),
        )

    @property
    def patience(self) -> int:
        """Seconds of silence after a ping: with those before it twice as many, and in time."""
        return max(self.silence - 1, 1)
