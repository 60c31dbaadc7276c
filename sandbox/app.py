"""The application: every operation of the contract, and what every answer has in common."""

import inspect
import logging
import re
from collections.abc import Mapping
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from sandbox import (
    audio,
    batches,
    chat,
    compaction,
    completions,
    containers,
    conversations,
    embeddings,
    evals,
    files,
    fine_tuning,
    images,
    kept_chat,
    kept_responses,
    models,
    realtime,
    responses,
    roles,
    runs,
    skills,
    threads,
    uploads,
    vector_files,
    vector_stores,
    videos,
)
from sandbox.bodies import read_body
from sandbox.call import Call, Handler, Sandbox
from sandbox.contract import Operation, operations
from sandbox.edge import check_key, stamped
from sandbox.errors import ApiError, failure
from sandbox.events import Streams
from sandbox.faults import Fault, FaultyResponse, fault_of
from sandbox.forms import read_form
from sandbox.ids import Ids
from sandbox.resources import handler_of
from sandbox.sockets import PATHS as SOCKETS
from sandbox.sockets import Sockets
from sandbox.store import Store

BASE = "/v1"
_log = logging.getLogger(__name__)

# What answers an operation that is more than a resource's; every other one is answered by `resources`.
HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        **audio.HANDLERS,
        **batches.HANDLERS,
        **chat.HANDLERS,
        **compaction.HANDLERS,
        **completions.HANDLERS,
        **containers.HANDLERS,
        **conversations.HANDLERS,
        **embeddings.HANDLERS,
        **evals.HANDLERS,
        **files.HANDLERS,
        **fine_tuning.HANDLERS,
        **images.HANDLERS,
        **kept_chat.HANDLERS,
        **kept_responses.HANDLERS,
        **models.HANDLERS,
        **realtime.HANDLERS,
        **responses.HANDLERS,
        **roles.HANDLERS,
        **runs.HANDLERS,
        **skills.HANDLERS,
        **threads.HANDLERS,
        **uploads.HANDLERS,
        **vector_files.HANDLERS,
        **vector_stores.HANDLERS,
        **videos.HANDLERS,
    }
)


def create_app() -> Starlette:
    """Return an application with a memory of its own.

    Its counts of streams and of WebSockets are ``state.streams`` and ``state.sockets``; ``state.closing`` is
    to be set when no client is left to it.
    """
    api = _Api()
    sockets = Sockets(api.sandbox)
    app = Starlette(routes=[Route("/{path:path}", api), WebSocketRoute("/{path:path}", sockets)])
    app.state.streams = api.sandbox.streams
    app.state.sockets = sockets.count
    app.state.closing = api.sandbox.closing
    return app


class _Api:
    """The operations of the contract over one store."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(Store(), Streams(), self.perform)
        self._routes = [(_pattern(operation.path), operation) for operation in _in_match_order()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of any method: a function in the route would have those of a list only."""
        response = await self._faulty(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _faulty(self, request: Request) -> Response:
        """The answer to one request, whatever it is, with the fault that it asks for."""
        try:
            check_key(request.headers)
            fault = fault_of(request.headers)
            response = await self._answer(request, fault)
        except ApiError as error:
            return stamped(error.response(), Ids(request.scope["path"], b""))
        except ClientDisconnect:
            # Nobody is left to read this; without it the server would log a failure of the application.
            return Response(status_code=400)
        return FaultyResponse(response, fault) if fault else response

    async def _answer(self, request: Request, fault: Fault | None) -> Response:
        path = request.scope["path"]
        ids = Ids(path, b"")
        try:
            operation, parameters = self._route(request.method, path, request.url.query)
            form = await read_form(request, operation) if _is_form(request.headers, operation) else None
            body = b"" if form else await read_body(request)
            ids = Ids(path, form.digest if form else body)
            call = Call(
                operation=operation,
                path=path.removeprefix(BASE),
                parameters=parameters,
                query=request.query_params,
                headers=request.headers,
                body=body,
                form=form,
                ids=ids,
                sandbox=self.sandbox,
                head=request.method == "HEAD",
            )
            error = fault.error() if fault else None
            return stamped(error.response() if error else await _answered(call), ids)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged where it is no refusal
            return stamped(_refusal(error), ids)

    async def perform(self, method: str, path: str, body: bytes) -> Response:
        """Answer a request that the sandbox makes of itself: JSON, without header fields and query."""
        full = BASE + path
        ids = Ids(full, body)
        try:
            operation, parameters = self._route(method, full, "")
            call = Call(
                operation=operation,
                path=path,
                parameters=parameters,
                query=QueryParams(),
                headers=Headers(),
                body=body,
                form=None,
                ids=ids,
                sandbox=self.sandbox,
            )
            return stamped(await _answered(call), ids)
        except Exception as error:  # noqa: BLE001 - it is logged where it is no refusal
            return stamped(_refusal(error), ids)

    def _route(self, method: str, path: str, query: str) -> tuple[Operation, dict[str, str]]:
        allowed = set()
        for pattern, operation in self._routes:
            match = pattern.fullmatch(path)
            if match is not None and operation.method == ("GET" if method == "HEAD" else method):
                pairs = query.split("&")
                variant = next(
                    (other for pair, other in operation.variants.items() if pair in pairs), operation
                )
                return variant, match.groupdict()
            if match is not None:
                allowed |= {operation.method, "HEAD"} if operation.method == "GET" else {operation.method}
        if allowed:
            message = f"Not allowed to {method} on {path}."
            allow = {"allow": ", ".join(sorted(allowed))}
            raise ApiError(405, message, code="method_not_supported", headers=allow)
        if method in {"GET", "HEAD"} and path in SOCKETS:
            raise _socket_alone(path)
        message = f"Unknown request URL: {method} {path}. Please check the URL for typos."
        raise ApiError(404, message, code="unknown_url")


def _socket_alone(path: str) -> ApiError:
    """The 426 (RFC 9110, 15.5.22) for a request without the upgrade that its path is for."""
    message = f"{path} is a WebSocket: the request has to ask for an upgrade."
    upgrade = {"upgrade": "websocket", "connection": "upgrade"}
    return ApiError(426, message, code="upgrade_required", headers=upgrade)


def _in_match_order() -> list[Operation]:
    """The operations, literal segments of their paths before parameters."""
    return sorted(
        operations().values(), key=lambda one: [(part.startswith("{"), part) for part in one.path.split("/")]
    )


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(BASE + re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _is_form(headers: Headers, operation: Operation) -> bool:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    return given == "multipart/form-data" and given in operation.bodies


async def _answered(call: Call) -> Response:
    handler = HANDLERS.get(call.operation.operation_id) or handler_of(call.operation)
    response = handler(call)
    return await response if inspect.isawaitable(response) else response


def _refusal(error: Exception) -> Response:
    """What an exception is answered with; one that is no refusal is a fault of the sandbox, and logged."""
    if isinstance(error, ApiError):
        return error.response()
    _log.error("A request could not be answered.", exc_info=error)
    return failure().response()
