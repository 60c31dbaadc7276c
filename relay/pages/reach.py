"""Whether the upstream can be reached, for a page that anybody may open."""

import asyncio

from relay.transport.upstream import Upstream

_KEPT_SECONDS = 10.0
_WAIT_SECONDS = 1.0
_LIMIT_SECONDS = 5.0


class Reach:
    """Looks at the upstream once in ten seconds at most, however many ask, and holds nobody up for long.

    A look is a connection, its TLS handshake with the check of the name included, and nothing sent over it:
    no key is shown and nothing is paid for.
    """

    def __init__(self) -> None:
        self._look: asyncio.Task[bool] | None = None
        self._began = 0.0

    async def reached(self, upstream: Upstream) -> bool | None:
        """Whether the newest look came through; None where it is not over within a second."""
        now = asyncio.get_running_loop().time()
        if self._look is None or (self._look.done() and now - self._began >= _KEPT_SECONDS):
            self._look, self._began = asyncio.create_task(_look(upstream)), now
        done, _ = await asyncio.wait([self._look], timeout=_WAIT_SECONDS)
        return self._look.result() if done else None


async def _look(upstream: Upstream) -> bool:
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            await upstream.touch()
    except OSError:  # TimeoutError and what TLS refuses among them
        return False
    return True
