"""The requests that are sent and the answers to them: what the driver and the upstream both know."""

import json
from typing import NamedTuple

from benchmarks.frames import UPGRADE

# LiteLLM takes no key that does not begin like this.
CLIENT_KEY = "sk-relay-key-of-the-benchmark"
REAL_KEY = "sk-real-key-of-the-benchmark"


class Caller(NamedTuple):
    """Who sends a request: the key that is shown, and header lines besides, each with its line end."""

    key: str
    fields: str = ""


CLIENT = Caller(CLIENT_KEY)
DIRECT = Caller(REAL_KEY)

# What the driver tells the upstream: write one event, to the held stream whose turn it is.
MORE = b"+"
# End them all.
ENOUGH = b"."

CHAT = "/v1/chat/completions"
FILES = "/v1/files"
REALTIME = "/v1/realtime?model=gpt-realtime"
BURST_EVENTS = 500
_QUESTION = "Say in a few words what a relay is, and what it costs to have one in the way. " * 12

_DATE = "date: Sun, 01 Nov 2026 12:00:00 GMT\r\n"
_ID = "x-request-id: req_0123456789abcdef0123456789abcdef\r\nopenai-processing-ms: 12\r\n"


def chat_body(**more: object) -> bytes:
    """The JSON of a chat request of about 1 KB; `more` adds fields to it."""
    messages = [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": _QUESTION},
    ]
    return json.dumps({"model": "gpt-5.1", "messages": messages, **more}, separators=(",", ":")).encode()


def burst_body(events: int = BURST_EVENTS) -> bytes:
    """A chat request that the upstream answers with `events` events, one write each, without a pause."""
    return chat_body(stream=True, max_completion_tokens=events)


def held_body() -> bytes:
    """A chat request whose stream stays open: one event, then one whenever its turn comes (`MORE`)."""
    return chat_body(stream=True, user="held")


def chat_request(body: bytes, caller: Caller) -> bytes:
    """`body` as a POST of a chat request."""
    return (
        _head("POST", CHAT, caller, f"content-type: application/json\r\ncontent-length: {len(body)}\r\n")
        + body
    )


def get_request(path: str, caller: Caller) -> bytes:
    """A GET of `path`."""
    return _head("GET", path, caller)


def upgrade_request(caller: Caller) -> bytes:
    """A request for a WebSocket (RFC 6455, 4.1)."""
    return _head("GET", REALTIME, caller, UPGRADE.decode())


def delta_event(size: int) -> bytes:
    """The JSON of an event of a conversation, of `size` bytes, most of them audio."""
    event = {"type": "response.output_audio.delta", "response_id": "resp_1", "delta": ""}
    return json.dumps(event | {"delta": "A" * (size - len(json.dumps(event)))}).encode()


def content_path(size: int) -> str:
    """What a file of `size` bytes is fetched from."""
    return f"{FILES}/file-{size}/content"


def upload_request(size: int, caller: Caller) -> tuple[bytes, bytes]:
    """What stands before and after the `size` bytes of an uploaded file (multipart, RFC 7578)."""
    parts = b'--edge\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--edge\r\n'
    parts += b'content-disposition: form-data; name="file"; filename="zeros.jsonl"\r\n'
    parts += b"content-type: application/octet-stream\r\n\r\n"
    end = b"\r\n--edge--\r\n"
    length = len(parts) + size + len(end)
    fields = f"content-type: multipart/form-data; boundary=edge\r\ncontent-length: {length}\r\n"
    return _head("POST", FILES, caller, fields) + parts, end


def _head(method: str, path: str, caller: Caller, fields: str = "") -> bytes:
    common = "host: 127.0.0.1\r\naccept: application/json\r\nuser-agent: OpenAI/Python 2.8.0\r\n"
    own = f"authorization: Bearer {caller.key}\r\n{caller.fields}"
    return f"{method} {path} HTTP/1.1\r\n{common}{own}{fields}\r\n".encode()


def _answer(body: bytes, status: str = "200 OK", media_type: str = "application/json") -> bytes:
    fields = f"content-type: {media_type}\r\ncontent-length: {len(body)}\r\n"
    return f"HTTP/1.1 {status}\r\n{_DATE}{_ID}{fields}\r\n".encode() + body


_COMPLETION = {
    "id": "chatcmpl-benchmark",
    "object": "chat.completion",
    "created": 1_793_534_400,
    "model": "gpt-5.1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": _QUESTION, "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 180, "completion_tokens": 170, "total_tokens": 350},
}
_FILE = {
    "id": "file-benchmark",
    "object": "file",
    "bytes": 1024,
    "created_at": 1_793_534_400,
    "filename": "zeros.jsonl",
    "purpose": "batch",
    "status": "processed",
}
_CHUNK = {
    "id": "chatcmpl-benchmark",
    "object": "chat.completion.chunk",
    "created": 1_793_534_400,
    "model": "gpt-5.1",
}

PLAIN_ANSWER = _answer(json.dumps(_COMPLETION).encode())
FILE_ANSWER = _answer(json.dumps(_FILE).encode())
REFUSED = _answer(b'{"error":{"message":"not the real key"}}', "401 Unauthorized")

STREAM_HEAD = (
    f"HTTP/1.1 200 OK\r\n{_DATE}{_ID}content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
).encode()


def chunk(content: bytes) -> bytes:
    """`content` in the chunked coding (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def _event(number: int) -> bytes:
    choice = {"index": 0, "delta": {"content": f" word {number}"}}
    data = json.dumps({**_CHUNK, "choices": [choice]}, separators=(",", ":"))
    return chunk(f"data: {data}\n\n".encode())


# Not all the same: LiteLLM takes a model that repeats itself for broken.
EVENTS = tuple(_event(number) for number in range(10))
STREAM_END = chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def source_head(size: int) -> bytes:
    """The head of a download of `size` bytes."""
    fields = f"content-type: application/octet-stream\r\ncontent-length: {size}\r\n"
    return f"HTTP/1.1 200 OK\r\n{_DATE}{_ID}{fields}\r\n".encode()
