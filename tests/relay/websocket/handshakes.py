"""Handshakes byte for byte, with the keys that a test names and no others."""

import json

from tests.relay.wire import dialled
from tests.servers import RELAY_KEY
from tests.websockets import OFFER

BEARER = f"authorization: Bearer {RELAY_KEY}"
# Of OpenAI's form, and of nobody's making.
SECRET = "ek_68af296e8e408191a1120ab6383263c2"
SESSION = (f"x-relay-key: {RELAY_KEY}", f"authorization: Bearer {SECRET}")
PROTOCOL = "sec-websocket-protocol: "
IN_PROTOCOL = f"openai-insecure-api-key.{RELAY_KEY}"
EVERY = ["/v1/realtime", "/v1/realtime/ws", "/v1/realtime/translations", "/v1/responses", "/v1/not/known"]


def head(target: str, *fields: str, method: str = "GET", version: str = "1.1", host: str = "relay") -> bytes:
    """The head of a request with Host and these fields."""
    lines = [f"{method} {target} HTTP/{version}", f"host: {host}", *fields, "\r\n"]
    return "\r\n".join(lines).encode("latin-1")


def handshake(target: str, *fields: str, host: str = "relay") -> bytes:
    """An offer to go on as a WebSocket, with these fields."""
    return head(target, *OFFER, *fields, host=host)


def opens(root: str, raw: bytes) -> bytes:
    """The head of the answer to a handshake that is taken up; the client leaves at once."""
    with dialled(root, raw) as line:
        answer = line.until(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    return answer.partition(b"\r\n\r\n")[0]


def fields_of(said: bytes, name: bytes) -> list[bytes]:
    """Every value of the fields with this name in a head, in order."""
    lines = [line.partition(b": ") for line in said.split(b"\r\n")[1:]]
    return [value for key, _, value in lines if key.lower() == name]


def code_of(raw: bytes) -> tuple[int, str]:
    """Status and code of a whole answer that is an error in OpenAI's shape."""
    said, _, body = raw.partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return int(said.split(b" ")[1]), error["code"]
