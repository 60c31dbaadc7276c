"""Ids and times that follow from the request alone, so that equal requests get equal answers."""

import hashlib
import string

_ALPHANUMERIC = string.ascii_letters + string.digits
EPOCH = 1_735_689_600
_YEAR = 365 * 24 * 60 * 60


class Ids:
    """The ids of one exchange, each derived from a hash of the request's path and body.

    They have OpenAI's prefixes and usual lengths. Times are made up: a moment of 2025, the same one for the
    same request.
    """

    def __init__(self, path: str, body: bytes) -> None:
        self._seed = hashlib.sha256(path.encode(errors="surrogatepass") + b"\0" + body).digest()

    def repeated(self, times: int) -> "Ids":
        """Return the ids of an equal request that came after ``times`` others."""
        if times == 0:
            return self
        other = Ids("", b"")
        other._seed = hashlib.sha256(self._seed + str(times).encode()).digest()
        return other

    def made(self, prefix: str, length: int = 24) -> str:
        """Return an id of any kind: its prefix and letters or digits."""
        return prefix + self._alphanumeric(prefix, length)

    def request(self) -> str:
        """Return the value of ``x-request-id``: ``req_`` and 32 hex digits."""
        return "req_" + self._hex("request", 32)

    def completion(self) -> str:
        """Return the id of a chat completion: ``chatcmpl-`` and 29 letters or digits."""
        return "chatcmpl-" + self._alphanumeric("completion", 29)

    def response(self) -> str:
        """Return the id of a response: ``resp_`` and 48 hex digits."""
        return "resp_" + self._hex("response", 48)

    def message(self) -> str:
        """Return the id of a message item: ``msg_`` and 48 hex digits."""
        return "msg_" + self._hex("message", 48)

    def function_call(self) -> str:
        """Return the id of a function call item: ``fc_`` and 48 hex digits."""
        return "fc_" + self._hex("function_call", 48)

    def call(self, index: int = 0) -> str:
        """Return the id of a tool call, one per ``index``: ``call_`` and 24 letters or digits."""
        return "call_" + self._alphanumeric(f"call {index}", 24)

    def created(self) -> int:
        """Return the time at which the answer says it was made, in seconds since 1970."""
        return EPOCH + self._number("created") % _YEAR

    def processing_ms(self) -> int:
        """Return the value of ``openai-processing-ms``, as made up as the times."""
        return 20 + self._number("processing") % 400

    def _bytes(self, label: str, length: int) -> bytes:
        return hashlib.shake_256(self._seed + label.encode()).digest(length)

    def _hex(self, label: str, digits: int) -> str:
        return self._bytes(label, digits // 2).hex()

    def _alphanumeric(self, label: str, length: int) -> str:
        return "".join(_ALPHANUMERIC[byte % len(_ALPHANUMERIC)] for byte in self._bytes(label, length))

    def _number(self, label: str) -> int:
        return int.from_bytes(self._bytes(label, 8))


def fingerprint(model: str) -> str:
    """Return the ``system_fingerprint`` of a model: ``fp_`` and ten hex digits."""
    return "fp_" + hashlib.sha256(model.encode()).hexdigest()[:10]


def released(model: str) -> int:
    """Return the time at which a model says it was made, in seconds since 1970: made up, always the same."""
    return Ids(model, b"").created()
