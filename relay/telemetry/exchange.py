"""One request to the upstream and its answer, watched from beside: nothing that passes waits or changes."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from starlette.types import Scope

from generated.operations import Operation
from relay.connection import FORWARDED
from relay.errors import ClientGone, RelayError, RequestError
from relay.headers import RawHeaders, coding_of, value_of
from relay.telemetry.drift import Drift
from relay.telemetry.metrics import EVENTS, UNKNOWN, WEBSOCKET, Metrics
from relay.telemetry.tracing import ExchangeSpan, Tracer
from relay.telemetry.usage import Ends, Usage, error_code, usage_of

_OK, _REFUSED = 200, 400
_EVENT_STREAM, _JSON = b"text/event-stream", b"application/json"
_BLANK_LINES = (b"\n\n", b"\n\r\n")
_LINE_ENDS = (b"\n", b"\r")
# How paths end of what is there already.
_CHANGES = ("}", "/cancel")
_EDGE = 2  # bytes of a blank line that the next chunk may end


class Telemetry:
    """What watches the exchanges of one relay."""

    def __init__(self, metrics: Metrics, drift: Drift, tracer: Tracer | None = None) -> None:
        self.metrics = metrics
        self.drift = drift
        self.tracer = tracer

    def exchange(self, scope: Scope, operation: Operation | None) -> "Exchange":
        """What to do an exchange `with`."""
        return Exchange(self, scope, operation)


class Exchange:
    """Tells at its end what came of an exchange. `look`, where there is one, is to be given each chunk."""

    __slots__ = (
        "_began", "_body", "_edge", "_ends", "_events", "_metrics", "_names", "_operation", "_scope", "_span",
        "_status", "_telemetry", "look", "name",
    )  # fmt: skip

    def __init__(self, telemetry: Telemetry, scope: Scope, operation: Operation | None) -> None:
        self._telemetry = telemetry
        self._metrics = telemetry.metrics
        self._scope = scope
        self._operation = operation
        self.name = UNKNOWN if operation is None else operation.operation_id
        self.look: Callable[[bytes], None] | None = None
        self._body: object = None
        self._status: int | None = None
        self._ends: Ends | None = None
        self._names: Callable[[bytes], None] | None = None
        self._began: float | None = None
        self._events, self._edge = 0, b""
        self._span: ExchangeSpan | None = None

    def sends(self, headers: RawHeaders, body: object) -> RawHeaders:
        """The fields to send, with the trace that they are a part of; `body` as the transport gets it."""
        self._body = body
        self._scope["state"][FORWARDED] = True
        if self._telemetry.tracer is None:
            return headers
        self._span = self._telemetry.tracer.exchange(self._scope, self._operation, body)
        return self._span.sent(headers)

    def answered(self, status: int, headers: RawHeaders) -> None:
        """Take note of the answer's head, and find out what of its body is worth a look."""
        self._status = status
        self._telemetry.drift.saw(self._scope, self._operation, self._body, status)
        media_type = (value_of(headers, b"content-type") or b"").lower()
        worth = status >= _REFUSED or (status == _OK and self._scope["method"] == "POST" and self._works)
        is_stream = status == _OK and media_type.startswith(_EVENT_STREAM)
        if worth and (is_stream or media_type.startswith(_JSON)):
            self._ends = Ends(coding_of(headers))
            self.look = self._ends.saw
        if is_stream:
            self._began = time.perf_counter()
            self._metrics.open[EVENTS] += 1
            if coding_of(headers) is None:
                names = self._telemetry.drift.events(self._operation)
                self._names = None if names is None else names.saw
                self.look = self._saw_events

    @property
    def _works(self) -> bool:
        """Whether the request makes something: one that changes or cancels it is told what it used before."""
        return self._operation is None or not self._operation.path.endswith(_CHANGES)

    def _saw_events(self, chunk: bytes) -> None:
        blank = _blank_lines(chunk)
        if self._edge and chunk.startswith(_LINE_ENDS):
            start = chunk[:_EDGE]
            blank += _blank_lines(self._edge + start) - _blank_lines(self._edge) - _blank_lines(start)
        self._events += blank
        self._edge = chunk[-_EDGE:] if len(chunk) >= _EDGE else (self._edge + chunk)[-_EDGE:]
        if self._names is not None:
            self._names(chunk)
        if self._ends is not None:
            self._ends.saw(chunk)

    def truncated(self) -> None:
        """Count a stream that ended before its last event."""
        self._metrics.truncated[(self.name,)] += 1

    def tunnels(self) -> None:
        """Take note that the exchange is a WebSocket from now on."""
        self._metrics.open[WEBSOCKET] += 1
        self._began = time.perf_counter()
        self.look = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.look = None  # a method of this object's own, which would keep it until garbage is collected
        if self._status is None:
            self._telemetry.drift.saw(self._scope, self._operation, self._body)
        if self._began is not None:
            self._end_stream(self._began)
        code = self._error(raised)
        usage = self._usage() if code is None else Usage()
        if self._span is not None:
            self._span.end(self._status, code, usage)

    def _end_stream(self, began: float) -> None:
        if self._status != _OK:
            self._metrics.open[WEBSOCKET] -= 1
            return
        self._metrics.open[EVENTS] -= 1
        self._metrics.streamed(self.name, time.perf_counter() - began)
        self._metrics.events[(self.name,)] += self._events

    def _error(self, raised: BaseException | None) -> str | None:
        """Count what went wrong, and give its code; None where nothing did, or it was not the upstream's."""
        status = "none" if self._status is None else str(self._status)
        if isinstance(raised, RelayError) and not isinstance(raised, RequestError):
            code = raised.code
        elif self._status is not None and self._status >= _REFUSED:
            code = "" if self._ends is None else self._metrics.code(error_code(self._ends))
        else:
            return "client_gone" if isinstance(raised, ClientGone) else None
        self._metrics.upstream_errors[self.name, status, code] += 1
        return code

    def _usage(self) -> Usage:
        if self._ends is None:
            return Usage()
        if self._ends.lost:
            self._metrics.usage_unread[(self.name,)] += 1
            return Usage()
        usage = usage_of(self._ends, self._body)
        self._metrics.used(self.name, usage)
        return usage


def _blank_lines(text: bytes) -> int:
    return sum(text.count(pair) for pair in _BLANK_LINES)
