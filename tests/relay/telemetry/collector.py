"""A stand-in for a collector: it takes OTLP over HTTP, and reads it by OpenTelemetry's own definitions."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Span:
    """A span as it reached the collector; kind 2 is a server's, kind 3 a client's, status 2 an error."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    status: int
    attributes: dict[str, Any]


@dataclass
class Collector:
    """What came to a collector so far, and what it answers."""

    root: str = ""
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    @property
    def spans(self) -> list[Span]:
        """All spans so far."""
        found = []
        for body in list(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.services |= {
                    value.value.string_value
                    for value in resource.resource.attributes
                    if value.key == "service.name"
                }
                found += [_span(span) for scope in resource.scope_spans for span in scope.spans]
        return found


def _span(span: Any) -> Span:
    attributes = {
        found.key: getattr(found.value, found.value.WhichOneof("value")) for found in span.attributes
    }
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return Span(span.name, span.kind, *ids, span.status.code, attributes)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.paths.append(self.path)
            packed = self.headers.get("content-encoding") == "gzip"
            collector.bodies.append(gzip.decompress(body) if packed else body)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
