"""The composition root: every part of the relay is made and joined here, and nowhere else."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

import structlog
from connexion import ConnexionMiddleware
from connexion.middleware.lifespan import LifespanMiddleware
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from generated.operations import CONTRACT_VERSION, OPERATIONS
from relay.access import RELAY_ID_HEADER, REQUEST_ID_HEADER, AccessLog
from relay.actions.fetch import Fetcher
from relay.admission import Admission
from relay.auth import RelayKeys, contract_security, upstream_key
from relay.client_secrets import ClientSecrets
from relay.contract import routing_document
from relay.dispatch import Dispatch, Handler, Relay
from relay.errors import ErrorBoundary
from relay.forwarder import Credentials, Forwarder
from relay.guard import Guard
from relay.judge import Judge
from relay.log import configure_logging
from relay.loops import Loops
from relay.routing import ContractRouting
from relay.settings import Settings
from relay.telemetry.drift import Drift
from relay.telemetry.exchange import Telemetry
from relay.telemetry.metrics import Metrics
from relay.telemetry.port import metrics_port
from relay.telemetry.tracing import Tracer, tracer_of
from relay.telemetry.workers import Workers
from relay.transport.upstream import Upstream
from relay.validation import REPORT_HEADER, BodyValidation
from sandbox.server import SandboxServer


def create_app(settings: Settings, fetcher: Fetcher | None = None, workers: Workers | None = None) -> ASGIApp:
    """The whole relay as one ASGI application; raises SettingsError.

    From the outside in: access log, CORS, error boundary, Connexion (routing, security), guard, body
    validation, dispatch to a handler or to the forwarder. `fetcher` is what gets files by their
    addresses, the real one where none is given; `workers` are those that this process is one of.
    """
    if not structlog.is_configured():
        # structlog's own default prints local variables into tracebacks, and keys are among them.
        configure_logging(settings.effective_log_level, settings.log_format, settings.error_log_path)
    metrics, tracer = Metrics(workers), tracer_of(settings)
    metrics.runs(CONTRACT_VERSION)
    secrets = ClientSecrets()
    relay = Relay(
        settings=settings,
        keys=RelayKeys(settings, secrets.knows),
        upstream_key=upstream_key(settings),
        judge=Judge(settings.relay_validation, metrics.reports),
        fetcher=fetcher or Fetcher(),
        client_secrets=secrets,
        metrics=metrics,
    )
    validation = BodyValidation(Dispatch(relay, _handlers()), relay.judge, settings.max_body_bytes)
    loops = Loops(settings)
    guard = Guard(validation, settings)
    relay.app, relay.blocks = _connexion(guard, relay, loops, tracer), guard.blocks
    app: ASGIApp = ErrorBoundary(relay.app, Admission(loops).check)
    return AccessLog(_with_cors(app, settings), metrics, tracer)


def _handlers() -> dict[str, Handler]:
    """The functions that the overlay names, by `module.function`."""
    found: dict[str, Handler] = {}
    for operation in OPERATIONS.values():
        if operation.handler is not None:
            module, _, function = operation.handler.partition(".")
            found[operation.handler] = getattr(import_module(f"handlers.{module}"), function)
    return found


def _connexion(app: ASGIApp, relay: Relay, loops: Loops, tracer: Tracer | None) -> ASGIApp:
    secured = relay.settings.auth_enabled
    middleware = ConnexionMiddleware(
        app,
        middlewares=[LifespanMiddleware, ContractRouting, contract_security(relay.keys)],
        lifespan=_lifespan(relay, loops, tracer),
        # Dispatch serves by operation id; Connexion only insists that every id resolves to something.
        resolver=Resolver(lambda _operation_id: app),
        auth_all_paths=secured,
        swagger_ui_options=SwaggerUIOptions(swagger_ui=False, serve_spec=False),
    )
    document = routing_document()
    if not secured:
        del document["security"]
    middleware.add_api(document, base_path="")
    connexion: ASGIApp = middleware
    return connexion


def _with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    if not settings.cors_allow_origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_allow_origins,
        allow_methods=settings.cors_allow_methods,
        allow_headers=settings.cors_allow_headers,
        allow_credentials=settings.cors_allow_credentials,
        expose_headers=[name.decode() for name in (REQUEST_ID_HEADER, RELAY_ID_HEADER, REPORT_HEADER)],
    )


def _lifespan(
    relay: Relay, loops: Loops, tracer: Tracer | None
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    settings, metrics = relay.settings, relay.metrics

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        with ExitStack() as stack:
            base_url = settings.openai_api_base
            if settings.uses_sandbox:
                base_url = stack.enter_context(SandboxServer()).base_url
            if metrics.alone:
                stack.enter_context(metrics_port(settings, metrics.told))
            upstream = Upstream(base_url, settings.relay_timeout, settings.relay_transport)
            credentials = Credentials.of(settings, relay.upstream_key, relay.keys)
            metrics.connected(upstream.connections)
            drift = Drift(metrics.drift, bodies=settings.relay_validation != "off")
            telemetry = Telemetry(metrics, drift, tracer)
            relay.forwarder = Forwarder(upstream, credentials, loops, telemetry, settings)
            try:
                async with metrics.shared():
                    yield
            finally:
                await upstream.close()
                if tracer is not None:
                    await tracer.close()

    return lifespan
