"""What is refused before anything else is looked at: one request too many, and the relay's own."""

from starlette.types import Scope

from generated.operations import OPERATIONS
from relay.connection import Connection
from relay.errors import RelayBusy
from relay.loops import Loops

# Who watches over the relay has to see it when it is busy too.
_HEALTH = frozenset(
    found.path for found in OPERATIONS.values() if found.handler and found.handler.startswith("health.")
)


class Admission:
    """Lets requests in, up to RELAY_MAX_REQUESTS in progress; the checks of health are always let in."""

    def __init__(self, loops: Loops) -> None:
        self._loops = loops

    def check(self, scope: Scope, connection: Connection) -> None:
        """Raise RelayBusy or LoopDetected."""
        if connection.traffic.full and scope["path"] not in _HEALTH:
            raise RelayBusy("The relay has too many requests in progress", headers={"Retry-After": "1"})
        self._loops.check(scope["headers"])
