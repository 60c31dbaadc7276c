"""What the application knows of the connection and of the process that a request came in by."""

import asyncio
from dataclasses import dataclass
from types import TracebackType

from starlette.types import Scope

_EXTENSION = "relay.connection"


@dataclass(slots=True)
class Traffic:
    """What goes on in this process. `draining`: it ends as soon as no request is in progress."""

    draining: bool = False


class Connection:
    """A client's connection, whose requests run one after another; `with` it, the present one can be ended.

    Blocks may lie in one another. No task watches: the server calls `interrupt`.
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
        self._task = asyncio.current_task()
        self._blocks += 1

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = self._task
        self._blocks -= 1
        if not self._blocks:
            self._task = None
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
