"""Traces of requests for a collector that takes OTLP over HTTP, by OpenTelemetry; never a body in them.

Names are those of OpenTelemetry's semantic conventions for HTTP and for generative AI. What this needs comes
with the extra `tracing`, and is loaded only where a collector is named.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import structlog
from starlette.types import Scope

from generated.operations import Operation
from relay.headers import RawHeaders, value_of
from relay.setting_types import SettingsError
from relay.settings import Settings
from relay.telemetry.usage import Usage, model_in

if TYPE_CHECKING:
    from opentelemetry.trace import Span as OpenSpan
    from opentelemetry.trace import SpanKind

logger = structlog.get_logger("relay")

_TRACES = "/v1/traces"
_EXPORT_SECONDS, _LAST_SECONDS = 5, 3
_PAUSE_SECONDS = 60
_REASON_CHARACTERS = 200
_PATH_CHARACTERS = 1024
_SERVER_ERRORS = 500
_FIELDS = (b"traceparent", b"tracestate")
_STATE = "trace"
_USAGE = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}
# The conventions' names for what is asked of a model, by where it is asked.
_GENERATES = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
}


class Tracer:
    """Begins spans, and sends those that have ended to the collector, from a thread of its own.

    A collector that cannot be reached costs spans, one line a minute, and no request anything.
    """

    def __init__(self, endpoint: str, service: str) -> None:
        # Imported late: whoever traces nothing needs none of it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        _tell_shortly()
        about = {"service.name": service, "service.version": version("chatgpt-team-relay")}
        self._provider = TracerProvider(resource=Resource.create(about))
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + _TRACES, timeout=_EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("relay")
        self._propagator = TraceContextTextMapPropagator()
        self._kinds: type[SpanKind] = SpanKind

    def request(self, scope: Scope) -> RequestSpan:
        """Begin the span of a client's request, in the trace that it names (W3C Trace Context)."""
        headers = scope["headers"]
        given = {name: value_of(headers, name.encode()) for name in ("traceparent", "tracestate")}
        carrier = {name: value.decode("latin-1") for name, value in given.items() if value is not None}
        context = self._propagator.extract(carrier)
        about = {
            "http.request.method": scope["method"],
            # Two thousand spans may wait for the collector, and anybody can ask for a path of 64 KiB.
            "url.path": scope["path"][:_PATH_CHARACTERS],
            "url.scheme": scope["scheme"],
        }
        span = self._tracer.start_span(scope["method"], context, self._kinds.SERVER, about)
        scope["state"][_STATE] = span
        return RequestSpan(span, scope["method"])

    def exchange(self, scope: Scope, operation: Operation | None, body: object) -> ExchangeSpan:
        """Begin the span of a request to the upstream, within that of the client's."""
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415 - as above

        above = scope["state"].get(_STATE)
        context = None if above is None else set_span_in_context(above)
        about = {"http.request.method": scope["method"]}
        name = scope["method"] if operation is None else f"{scope['method']} {operation.path}"
        kind = None if operation is None else _GENERATES.get(_path(operation))
        if kind is not None and scope["method"] == "POST":
            model = model_in(body)
            about |= {"gen_ai.operation.name": kind, "gen_ai.provider.name": "openai"}
            about |= {} if model is None else {"gen_ai.request.model": model}
            name = kind if model is None else f"{kind} {model}"
        span = self._tracer.start_span(name, context, self._kinds.CLIENT, about)
        fields: dict[str, str] = {}
        self._propagator.inject(fields, set_span_in_context(span))
        return ExchangeSpan(span, fields)

    async def close(self) -> None:
        """Send what is left, for as long as the end of a process may take."""
        # A thread that nothing waits for: a collector that is silent must not keep the process.
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, _LAST_SECONDS)


def tracer_of(settings: Settings) -> Tracer | None:
    """The tracer that the settings ask for; raises SettingsError where what it needs is not installed."""
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        return None
    try:
        return Tracer(endpoint, settings.otel_service_name or settings.relay_name)
    except ImportError:
        raise SettingsError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint!r} is invalid without the extra: "
            "pip install 'chatgpt-team-relay[tracing]'"
        ) from None


class _Shortly(logging.Handler):
    """Tells what OpenTelemetry complains about in one line, at most one a minute."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._next = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PAUSE_SECONDS
            reason = " ".join(record.getMessage().split())[:_REASON_CHARACTERS]
            logger.warning("traces are lost, requests go on; see OTEL_EXPORTER_OTLP_ENDPOINT", reason=reason)


def _tell_shortly() -> None:
    library = logging.getLogger("opentelemetry")
    library.propagate = False
    library.handlers = [_Shortly()]


def _fail(span: OpenSpan, error: str) -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - as above

    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR)


def _path(operation: Operation) -> str:
    return operation.upstream_path or operation.path.removeprefix("/v1")


class RequestSpan:
    """The span of a client's request."""

    def __init__(self, span: OpenSpan, method: str) -> None:
        self._span = span
        self._method = method

    def end(self, operation: Operation | None, status: int | None, outcome: str) -> None:
        """End it with the answer's status, None where there was none."""
        if operation is not None:
            self._span.update_name(f"{self._method} {operation.path}")
            self._span.set_attribute("http.route", operation.path)
            self._span.set_attribute("relay.operation", operation.operation_id)
        if status is not None:
            self._span.set_attribute("http.response.status_code", status)
        if outcome != "complete":
            _fail(self._span, outcome)
        elif status is not None and status >= _SERVER_ERRORS:
            _fail(self._span, str(status))
        self._span.end()


class ExchangeSpan:
    """The span of a request to the upstream, which is told of it in `fields`."""

    def __init__(self, span: OpenSpan, fields: Mapping[str, str]) -> None:
        self._span = span
        self._fields = [(name.encode(), value.encode()) for name, value in fields.items()]

    def sent(self, headers: RawHeaders) -> RawHeaders:
        """`headers` with this span for the client's."""
        return [*(field for field in headers if field[0] not in _FIELDS), *self._fields]

    def end(self, status: int | None, code: str | None, usage: Usage) -> None:
        """End it with the answer's status, the `code` of what went wrong, and what was used."""
        about: dict[str, Any] = {} if status is None else {"http.response.status_code": status}
        if usage.model is not None and usage.tokens:
            about["gen_ai.response.model"] = usage.model
        for kind, tokens in usage.tokens.items():
            about[_USAGE[kind]] = tokens
        self._span.set_attributes(about)
        if code is not None:
            _fail(self._span, code or str(status))
        self._span.end()
