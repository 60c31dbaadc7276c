"""The application: a table of routes to small functions, and what every answer has in common."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import chat, embeddings, models, responses
from sandbox.bodies import read_body
from sandbox.call import Call, Operation
from sandbox.errors import ApiError
from sandbox.events import Streams
from sandbox.ids import Ids

ROUTES: tuple[tuple[str, str, Operation], ...] = (
    ("POST", "/v1/chat/completions", chat.create),
    ("POST", "/v1/responses", responses.create),
    ("POST", "/v1/embeddings", embeddings.create),
    ("GET", "/v1/models", models.index),
    ("GET", "/v1/models/{model}", models.retrieve),
)

_RATE_LIMITS = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999000",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "30ms",
}


def create_app() -> Starlette:
    """Return an application of its own count of streams, kept as ``state.streams``."""
    app = Starlette(
        routes=[Route(path, _endpoint(operation), methods=[method]) for method, path, operation in ROUTES],
        exception_handlers={404: _unknown_url, 405: _wrong_method},
    )
    app.router.redirect_slashes = False
    app.state.streams = Streams()
    return app


def _endpoint(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        path = request.scope["path"]
        ids = Ids(path, b"")
        try:
            _check_key(request.headers)
            body = await read_body(request)
            ids = Ids(path, body)
            call = Call(request.path_params, request.headers, body, ids, request.app.state.streams)
            return _stamped(operation(call), ids)
        except ApiError as error:
            return _stamped(error.response(), ids)
        except ClientDisconnect:
            # Nobody is left to read this; without it the server would log a failure of the application.
            return Response(status_code=400)

    return answer


def _check_key(headers: Headers) -> None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        challenge = {"www-authenticate": 'Basic realm="OpenAI API"'}
        raise ApiError(401, "Missing bearer or basic authentication in header", headers=challenge)


async def _unknown_url(request: Request, _: Exception) -> Response:
    path = request.scope["path"]
    message = f"Unknown request URL: {request.method} {path}. Please check the URL for typos."
    return _stamped(ApiError(404, message, code="unknown_url").response(), Ids(path, b""))


async def _wrong_method(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    message = f"Not allowed to {request.method} on {path}."
    refusal = ApiError(405, message, code="method_not_supported", headers=error.headers)
    return _stamped(refusal.response(), Ids(path, b""))


def _stamped(response: Response, ids: Ids) -> Response:
    response.headers["x-request-id"] = ids.request()
    response.headers["openai-processing-ms"] = str(ids.processing_ms())
    response.headers["openai-version"] = "2020-10-01"
    response.headers.update(_RATE_LIMITS)
    return response
