"""The server's end: nothing that is in progress is lost while there is time, and the rest is told so."""

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn

from relay.errors import RelayDraining
from relay.serving.config import RelayConfig
from relay.serving.protocol import RelayProtocol

logger = structlog.get_logger("relay")

_LOOK_SECONDS = 0.05
_LAST_WORDS_SECONDS = 1.0


class RelayServer(uvicorn.Server):
    """uvicorn's server, which drains for RELAY_DRAIN_SECONDS before it ends; a second signal ends it at once.

    While it drains, it takes connections and requests as before, so that a probe sees that it is not ready;
    for RELAY_LINGER_SECONDS at least, for what sends requests here has to see that, and to stop.
    """

    def __init__(self, config: RelayConfig, ready: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._ready = ready
        self._relay = config
        self._traffic = config.traffic
        self._seconds = config.settings.relay_drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to drain at the first signal, and end at the second."""
        self.stop(at_once=self.should_exit)

    def stop(self, *, at_once: bool = False) -> None:
        """Begin to drain, or cut that short."""
        self.force_exit = self.force_exit or at_once
        self.should_exit = self._traffic.draining = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and call `ready`, which the server was made with."""
        await super().startup(sockets)
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end."""
        if counter % 10 == 0:
            self._relay.tick()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for what is in progress, cut what is left, and close every connection."""
        self._traffic.draining = True
        tasks, connections = self.server_state.tasks, self._connections()
        logger.info("drain begun", in_progress=len(tasks), seconds=self._seconds)
        for connection in connections:
            connection.close_after_answer()
        loop = asyncio.get_running_loop()
        lingered = loop.time() + self._relay.settings.relay_linger_seconds
        await self._until(lambda: self.force_exit or not (tasks or loop.time() < lingered), self._seconds)
        cut = len(tasks)
        await self._cut()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await self._close()
        logger.info("drained", cut=cut)
        await self.lifespan.shutdown()

    async def _cut(self) -> None:
        """End what is in progress: an event stream gets an error event, what has no answer gets a 503."""
        for connection in self._connections():
            message = "The relay is shutting down: send the request again"
            connection.connection.interrupt(RelayDraining(message, headers={"Retry-After": "1"}))
        await self._until(lambda: not self.server_state.tasks, _LAST_WORDS_SECONDS)

    async def _close(self) -> None:
        """Close each connection once its client has read what is written, and break off those who do not."""
        for connection in self._connections():
            connection.transport.close()
        await self._until(lambda: not self.server_state.connections, _LAST_WORDS_SECONDS)
        for connection in self._connections():
            connection.transport.abort()
        await self._until(lambda: not self.server_state.tasks, _LAST_WORDS_SECONDS)

    def _connections(self) -> list[RelayProtocol]:
        return [found for found in self.server_state.connections if isinstance(found, RelayProtocol)]

    async def _until(self, over: Callable[[], bool], seconds: float) -> None:
        """Return when something is over, or after so many seconds."""
        loop = asyncio.get_running_loop()
        end, ticked = loop.time() + seconds, loop.time()
        while not over() and loop.time() < end:
            await asyncio.sleep(_LOOK_SECONDS)
            if loop.time() > ticked + 1:
                ticked += 1
                self._relay.tick()
