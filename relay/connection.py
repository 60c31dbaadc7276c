"""What the application knows of the connection and of the process that a request came in by."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from starlette.types import Scope

_EXTENSION = "relay.connection"
# Names in a request's state: it was sent on to the upstream; its client left before the answer was whole.
FORWARDED, LEFT = "forwarded", "left"


@dataclass(slots=True)
class Traffic:
    """What goes on in this process, and the most that may; `clock` counts seconds.

    `draining`: the process ends as soon as no request is in progress. `watched` is called once a second.
    """

    max_requests: int = sys.maxsize
    max_connections: int = sys.maxsize
    requests: int = 0
    connections: int = 0
    clock: int = 0
    draining: bool = False
    watched: set[Callable[[], None]] = field(default_factory=set)

    @property
    def full(self) -> bool:
        """Whether there is one request too many."""
        return self.requests > self.max_requests


class Connection:
    """A client's connection, whose requests run one after another; `with` it, the present one can be ended.

    Blocks may lie in one another; within the outer one, a request is in progress. No task watches: the server
    calls `interrupt`.
    """

    __slots__ = ("_blocks", "_error", "_task", "traffic")

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self._error: Exception | None = None
        self._task: asyncio.Task[object] | None = None
        self._blocks = 0

    def interrupt(self, error: Exception) -> None:
        """Raise `error` where the request waits, or as it next enters a block; only the first one counts."""
        if self._error is None:
            self._error = error
            if self._task is not None:
                self._task.cancel()

    def __enter__(self) -> None:
        if self._error is not None:
            raise self._error
        if not self._blocks:
            self._task = asyncio.current_task()
            self.traffic.requests += 1
        self._blocks += 1

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = self._task
        self._blocks -= 1
        if not self._blocks:
            self._task = None
            self.traffic.requests -= 1
        # A cancellation by somebody else goes on.
        ended = isinstance(raised, asyncio.CancelledError) and self._error is not None
        if ended and task is not None and not task.uncancel():
            assert self._error is not None
            raise self._error from None


def extensions(connection: Connection) -> dict[str, object]:
    """The extensions of a request's scope (ASGI) that `connection_of` reads."""
    return {_EXTENSION: connection}


def connection_of(scope: Scope) -> Connection:
    """The connection that a request came in by; one that nobody ends where the server tells none."""
    found = scope["extensions"].get(_EXTENSION)
    return found if isinstance(found, Connection) else Connection(Traffic())
