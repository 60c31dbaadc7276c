"""What every exchange has in common: the key that it is asked for, and the header fields of its answer."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import Response

from sandbox.errors import ApiError
from sandbox.ids import Ids

KEY_SUBPROTOCOL = "openai-insecure-api-key."

_RATE_LIMITS = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999000",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "30ms",
}


def check_key(headers: Headers, subprotocols: Sequence[str] = ()) -> None:
    """Refuse with 401 a request without a key; any bearer token is one.

    A browser, which can send no header field with a WebSocket, offers it as the subprotocol
    ``openai-insecure-api-key.KEY``.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    offered = any(name.startswith(KEY_SUBPROTOCOL) and name != KEY_SUBPROTOCOL for name in subprotocols)
    if not offered and (scheme.lower() != "bearer" or not token.strip()):
        challenge = {"www-authenticate": 'Basic realm="OpenAI API"'}
        raise ApiError(401, "Missing bearer or basic authentication in header", headers=challenge)


def stamped(response: Response, ids: Ids) -> Response:
    """Return the answer with the header fields that OpenAI puts on each: its id, its time, the limits."""
    response.headers["x-request-id"] = ids.request()
    response.headers["openai-processing-ms"] = str(ids.processing_ms())
    response.headers["openai-version"] = "2020-10-01"
    response.headers.update(_RATE_LIMITS)
    return response
