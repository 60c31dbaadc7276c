"""Requests that drive each error path, an upstream that breaks in each way, and the keys to look for."""

import base64
import json
from collections.abc import Mapping

from tests.faulty import Connection
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.test_streams import FIRST
from tests.relay.wire import CHAT, CHAT_BODY, STREAM_BODY, chunk

REAL = "sk-canary-8f14e45fceea167a5a36dedd4bea2543"
RELAY = "canary-of-the-relay-c9f0f895fb98ab9159f51fd0297e236d"
JSON = "content-type: application/json"
FORM = "content-type: multipart/form-data; boundary=b"
_CODED = [base64.b64encode(key.encode()).decode() for key in (REAL, RELAY)]
_MARKS = (REAL, REAL[10:], RELAY, RELAY[20:], *_CODED)

# What the upstream says by the field `x-case`; then it resets (True), closes (False) or waits (None).
SAYS: dict[str, tuple[bytes, bool | None]] = {
    "closes": (b"", False),
    "resets": (b"", True),
    "silent": (b"", None),
    "garbage": (b"\x00\x01 no http\r\n\r\n", False),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-ty", False),
    "bad field": (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", False),
    "two lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk", False),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"x-a: 1\r\n" * 50_000, False),
    "short": (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", False),
    "bad chunk": (b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"zz\r\nok", False),
    "broken stream": (SSE + CHUNKED + chunk(FIRST), True),
    "silent stream": (SSE + CHUNKED + chunk(FIRST), None),
    "bad stream": (SSE + CHUNKED + chunk(FIRST) + b"zz\r\n", False),
    "refusal": (b"HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}", False),
    "redirect": (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n", False),
}


async def says(connection: Connection) -> None:
    """The upstream: what `x-case` tells, else a whole answer."""
    head = await connection.request()
    case = head.partition(b"x-case: ")[2].partition(b"\r\n")[0].decode()
    whole = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
    data, resets = SAYS.get(case, (whole, False))
    await connection.say(data)
    if resets:
        connection.reset()
    elif resets is None:
        await connection.rest()


def _request(line: str, *fields: str, body: bytes = b"", key: str | None = RELAY) -> bytes:
    shown = [f"authorization: Bearer {key}"] if key else []
    chunked = any(field.startswith("transfer-encoding") for field in fields)
    framed = [f"content-length: {len(body)}"] if body and not chunked else []
    lines = [f"{line} HTTP/1.1", "host: r", "connection: close", *shown, *fields, *framed, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def requests(own: Mapping[str, bool]) -> dict[str, bytes]:
    """The bytes of each request, by what it drives.

    `own` are the paths that the relay itself answers to a GET, and whether they are open to everyone.
    """
    found = {case: _request(f"POST {CHAT}", JSON, f"x-case: {case}", body=STREAM_BODY) for case in SAYS}
    found |= {path: _request(f"GET {path}", key=None if is_open else RELAY) for path, is_open in own.items()}
    wrong = json.dumps({"model": 1, "messages": "x"}).encode()
    found |= {
        "whole": _request(f"POST {CHAT}", JSON, "x-request-id: whole", body=CHAT_BODY),
        "no key": _request("GET /v1/models", key=None),
        "wrong key": _request("GET /v1/models", key="wrong"),
        "key of the upstream": _request("GET /v1/models", key="sk-other"),
        "no JSON": _request(f"POST {CHAT}", JSON, body=b"{"),
        "deep JSON": _request(f"POST {CHAT}", JSON, body=b'{"a":' * 20_000),
        "wrong body": _request(f"POST {CHAT}", JSON, body=wrong),
        "media type": _request(f"POST {CHAT}", "content-type: text/plain", body=CHAT_BODY),
        "too large": _request("POST /v1/files", FORM, "content-length: 1048577"),
        "odd coding": _request("POST /v1/files", FORM, "transfer-encoding: gzip, chunked", body=b"0\r\n\r\n"),
        "odd field": _request("GET /v1/models", "x-name: \xff\xfe"),
        "odd path": _request("GET /v1/files/%2e%2e/content"),
        "unknown path": _request("GET /nowhere"),
        "method": _request("TRACE /v1/models"),
        "blocked": _request("GET /v1/organization/users"),
        "not proxied": _request("POST /v1/proxy", JSON, body=b'{"method":"GET","path":"organization"}'),
        "broken envelope": _request("POST /v1/proxy", JSON, body=b'{"method":"GET","path":"//host"}'),
        "proxied": _request(
            "POST /v1/proxy", JSON, "x-case: resets", body=b'{"method":"GET","path":"models"}'
        ),
        "bug": _request("GET /ready", key=None),
        "no HTTP": b"no http at all\r\n\r\n",
    }
    return found


def hits(text: bytes) -> list[str]:
    """The keys, parts of keys and encodings of keys that are in `text`."""
    return [mark for mark in _MARKS if mark.encode() in text]
