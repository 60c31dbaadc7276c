"""A request that the relay makes in a client's stead, served as if the client had sent it."""

from urllib.parse import unquote

from starlette.types import Scope

from relay.headers import FRAMING, RawHeaders

# What is said of a body belongs to the body that the client sent.
_OF_THE_BODY = frozenset(
    {*FRAMING, b"content-type", b"content-encoding", b"content-md5", b"digest", b"expect"}
)
# What is said of the answer that the client wants is not said of the one that the relay reads for it.
_OF_THE_ANSWER = (b"accept", b"if-", b"range")
_KEYS = {b"authorization", b"x-relay-key"}


def inner(
    scope: Scope,
    method: str,
    path: bytes,
    query: bytes = b"",
    *,
    body: tuple[bytes, int] | None = None,
    read: bool = False,
) -> Scope:
    """The scope of a request for `path` (`/v1/files`, as it is sent) in the place of `scope`.

    It has the client's own fields, its key among them, but those of the client's body; `body` is the media
    type and the length in bytes of its own. Where the relay will `read` the answer, it asks for one as it is.
    """
    # They go now, so that none of them takes away what is added here (RFC 9110, 7.6.1).
    named = {
        part.strip().lower()
        for name, value in scope["headers"]
        if name == b"connection"
        for part in value.split(b",")
    }
    dropped = _OF_THE_BODY | {b"connection"} | (named - _KEYS)
    headers: RawHeaders = [field for field in scope["headers"] if field[0] not in dropped]
    if read:
        headers = [field for field in headers if not field[0].startswith(_OF_THE_ANSWER)]
        headers.append((b"accept-encoding", b"identity"))
    if body is not None:
        headers += [(b"content-type", body[0]), (b"content-length", str(body[1]).encode())]
    return {
        **scope,
        "method": method,
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "headers": headers,
        # Routing writes here: the access log goes on reading what the client asked for.
        "extensions": dict(scope["extensions"]),
    }
