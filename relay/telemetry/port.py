"""`/metrics` on a port of its own, which needs no key: for a network that only whoever watches can reach."""

from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from relay.settings import Settings

logger = structlog.get_logger("relay")


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds: who sends no request keeps no thread

    def log_message(self, *_: object) -> None:
        """Say nothing of a scrape."""


@contextmanager
def metrics_port(settings: Settings, metrics: CollectorRegistry) -> Iterator[None]:
    """Serve `metrics` where RELAY_METRICS_PORT says, if it does; one that is taken costs a line, no more."""
    port, host = settings.relay_metrics_port, settings.relay_metrics_host
    server = None
    if port is not None:
        try:
            server, thread = start_http_server(port, host, metrics)
        except (OSError, UnicodeError) as error:  # the latter of a name that there cannot be
            logger.warning(
                "metrics have no port of their own: choose another RELAY_METRICS_PORT or RELAY_METRICS_HOST",
                host=host,
                port=port,
                reason=error.strerror if isinstance(error, OSError) else "no name of a host",
            )
        else:
            server.RequestHandlerClass = _Handler
            server.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever leaves is no news
            shown = f"[{host}]" if ":" in host else host
            logger.info("metrics", url=f"http://{shown}:{server.server_port}/metrics")
    try:
        yield
    finally:
        if server is not None:
            server.shutdown()
            server.server_close()
            thread.join()
