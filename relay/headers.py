"""Which header fields cross the relay, and which belong to one side of it."""

from collections.abc import Iterable

RawHeaders = list[tuple[bytes, bytes]]

# RFC 9110, 7.6.1, and the fields that RFC 2616, 13.5.1 and RFC 9112 name besides.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

# What a client calls its request by, for OpenAI's support to find it.
CLIENT_ID = b"x-client-request-id"

# What says where a body ends (RFC 9112, 6.3).
FRAMING = (b"content-length", b"transfer-encoding")

# What says who the client is, or how it reached the relay, is the relay's business alone. `expect` is
# answered by the relay's own server (RFC 9110, 10.1.1); `host` names the relay.
_CLIENT_ONLY = frozenset(
    {
        b"authorization",
        b"cookie",
        b"expect",
        b"forwarded",
        b"host",
        b"x-relay-key",
        b"x-real-ip",
        b"cf-connecting-ip",
        # It may hold a relay key; a WebSocket's own are added again where there is one.
        b"sec-websocket-protocol",
        b"true-client-ip",
    }
)


_NOT_UPSTREAM = HOP_BY_HOP | _CLIENT_ONLY
_FORWARDED = b"x-forwarded-"
_FOR_BROWSERS = b"access-control-"


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of the field `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


def coding_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The Content-Encoding, None where there is none (RFC 9110, 8.4)."""
    coding = (value_of(headers, b"content-encoding") or b"identity").decode("latin-1")
    return None if coding.strip().lower() == "identity" else coding


def _with_named_by_connection(known: frozenset[bytes], headers: RawHeaders) -> frozenset[bytes]:
    """`known` and the fields that `Connection` makes hop-by-hop besides (RFC 9110, 7.6.1)."""
    for key, value in headers:
        if key == b"connection":
            known = known.union(part.strip().lower() for part in value.split(b","))
    return known


def to_upstream(headers: RawHeaders) -> RawHeaders:
    """The client's fields that go on, in order and unchanged; names are lower case already (ASGI)."""
    dropped = _with_named_by_connection(_NOT_UPSTREAM, headers)
    return [
        field for field in headers if field[0] not in dropped and not field[0].startswith(b"x-forwarded-")
    ]


def asking_plain(headers: RawHeaders) -> RawHeaders:
    """`headers` of a request whose answer is to come as it is, without a coding (RFC 9110, 12.5.3)."""
    # What Connection names goes, and that must not be what is added here (RFC 9110, 7.6.1).
    named = _with_named_by_connection(frozenset(), headers) - {b"accept-encoding"}
    fields = [field for field in headers if field[0] not in {b"accept-encoding", b"connection"}]
    return [*fields, (b"connection", b", ".join(named)), (b"accept-encoding", b"identity")]


def to_client(headers: RawHeaders) -> RawHeaders:
    """The upstream's fields that go on, duplicates apart and in order; names are in lower case (ASGI).

    Which origins may read an answer (CORS) is for the relay's operator to say, not for the upstream.
    """
    dropped = _with_named_by_connection(HOP_BY_HOP, headers)
    return [field for field in headers if field[0] not in dropped and not field[0].startswith(_FOR_BROWSERS)]


def merged_tokens(present: bytes | None, added: str) -> bytes:
    """`present` with the comma-separated tokens of `added` that it lacks (RFC 9110, 5.6.1)."""
    tokens = [token.strip() for token in (present or b"").decode("latin-1").split(",") if token.strip()]
    tokens += [token.strip() for token in added.split(",") if token.strip() not in tokens]
    return ", ".join(tokens).encode("latin-1")
