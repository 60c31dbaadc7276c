"""The WebSocket client of the flows: events in JSON, each wait bounded in time."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from acceptance.answer import Unmet, member, parsed, shown

Event = dict[str, Any]
SWITCHED = 101
_MOST_BYTES = 16 * 1024 * 1024
_CLOSE_SECONDS = 10
_NORMAL = 1000


class Socket:
    """An open WebSocket (RFC 6455) whose messages are events. `request` is its request's method and path."""

    def __init__(self, request: str, connection: Connection, seconds: float) -> None:
        self.request = request
        self._connection = connection
        self._seconds = seconds

    def send(self, event: Event) -> None:
        """Send an event; raises Unmet."""
        try:
            self._connection.send(json.dumps(event))
        except ConnectionClosed as closed:
            raise Unmet(f"{self.request}: an open connection for {event['type']}", str(closed)) from None

    def until(self, kind: str) -> list[Event]:
        """The events up to the next one of type `kind`; raises Unmet, and for one of type `error`."""
        end = time.monotonic() + self._seconds
        events: list[Event] = []
        while not events or events[-1]["type"] != kind:
            event = parsed(f"{self.request}: each event", self._message(kind, end - time.monotonic()))
            if member(f"{self.request}: each event", event, "type") == "error":
                raise Unmet(f"{self.request}: {kind}", json.dumps(event))
            events.append(event)
        return events

    def close(self) -> int | None:
        """Close the connection, and give the close code that came back; 1006 where none did."""
        self._connection.close(_NORMAL)
        return self._connection.close_code

    def _message(self, kind: str, seconds: float) -> bytes:
        try:
            message = self._connection.recv(timeout=max(0, seconds))
        except TimeoutError:
            raise Unmet(f"{self.request}: {kind} within {self._seconds:g} s", "nothing more") from None
        except ConnectionClosed as closed:
            raise Unmet(f"{self.request}: {kind}", str(closed)) from None
        if isinstance(message, bytes):
            raise Unmet(f"{self.request}: text", f"{len(message)} bytes that are none")
        return message.encode()


@contextmanager
def opened(request: str, url: str, headers: dict[str, str], seconds: float) -> Iterator[Socket]:
    """Open a WebSocket at `url` (ws or wss), and close it when the block ends; raises Unmet."""
    try:
        connection = connect(
            url,
            additional_headers=headers,
            open_timeout=seconds,
            close_timeout=min(seconds, _CLOSE_SECONDS),
            compression=None,
            max_size=_MOST_BYTES,
            proxy=None,
        )
    except InvalidStatus as refusal:
        answer = refusal.response
        came = f"{answer.status_code} {shown(bytes(answer.body or b''))}"
        raise Unmet(f"{request}: status {SWITCHED}", came) from None
    except (WebSocketException, OSError) as error:
        raise Unmet(f"{request}: a WebSocket", f"{type(error).__name__}: {error}") from None
    with connection:
        yield Socket(request, connection, seconds)
