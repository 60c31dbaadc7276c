"""The client of the flows: each request is bounded in time, and reported to whoever observes."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from acceptance.answer import Answer, Unmet
from acceptance.websocket import SWITCHED, Socket, opened

_MOST_BYTES = 128 * 1024 * 1024

Observer = Callable[[str, str, int], None]


def segment(name: str) -> str:
    """`name` as one segment of a path (RFC 3986, 3.3)."""
    return quote(name, safe="")


class Incoming:
    """An answer whose body is still arriving."""

    def __init__(self, request: str, response: httpx.Response, sent: float, seconds: float) -> None:
        self.request = request
        self.status = response.status_code
        self.media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.fields: list[tuple[str, str]] = response.headers.multi_items()
        self._response = response
        self._sent = sent
        self._seconds = seconds

    def chunks(self) -> Iterator[tuple[float, bytes]]:
        """Each piece of the body as it arrives, with the seconds since the request was sent.

        Raises Unmet, after 128 MiB of it too: what a command compares it holds, and a stream may never end.
        """
        size = 0
        for chunk in self._response.iter_bytes():
            elapsed = time.monotonic() - self._sent
            size += len(chunk)
            if size > _MOST_BYTES:
                raise Unmet(f"{self.request}: an answer of at most {_MOST_BYTES:,} bytes", "more of it")
            if elapsed > self._seconds:
                raise Unmet(f"{self.request}: the end of its answer within {self._seconds:g} s", "more of it")
            yield elapsed, chunk

    def whole(self) -> Answer:
        """The answer, read to its end; raises Unmet."""
        body = b"".join(chunk for _, chunk in self.chunks())
        return Answer(self.request, self.status, self.media_type, body)


@dataclass(frozen=True, slots=True)
class Target:
    """A relay: its address up to `/v1`, a key (empty: none is shown), and the seconds a request may take."""

    base_url: str
    key: str
    seconds: float


class Client:
    """Speaks to one relay. Used as a context manager; `observer` is told method, path and status.

    Paths are below the base URL; one that begins with `//` is below the server's root instead.
    """

    def __init__(self, target: Target, observer: Observer | None = None) -> None:
        # Compressed, a stream would show the compressor's pauses and not the relay's.
        headers = {"accept-encoding": "identity"}
        if target.key:
            headers["authorization"] = f"Bearer {target.key}"
        # As the relay does: whom the system trusts, and no proxy. Without TLS there is nobody to trust.
        secure = target.base_url.startswith("https:")
        tls = ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.Client(headers=headers, timeout=target.seconds, trust_env=False, verify=tls)
        self._target = target
        self._observer = observer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @contextmanager
    def opened(self, method: str, path: str, **content: Any) -> Iterator[Incoming]:
        """Send a request, `content` in httpx's words, and give its answer while it arrives; raises Unmet."""
        url = self._url(path)
        request = f"{method} {urlsplit(url).path}"
        sent = time.monotonic()
        try:
            with self._http.stream(method, url, **content) as response:
                yield Incoming(request, response, sent, self._target.seconds)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            expected = f"{request}: a whole answer, no silence of more than {self._target.seconds:g} s"
            raise Unmet(expected, f"{type(error).__name__}: {error}") from None
        if self._observer is not None:
            self._observer(method, urlsplit(url).path, response.status_code)

    def send(self, method: str, path: str, **content: Any) -> Answer:
        """Send a request and read its whole answer; raises Unmet."""
        with self.opened(method, path, **content) as incoming:
            return incoming.whole()

    @contextmanager
    def websocket(self, path: str, secret: str) -> Iterator[Socket]:
        """Open a WebSocket with an ephemeral `secret`, and close it when the block ends; raises Unmet.

        The key is shown beside it: of several processes that serve a relay, one alone knows the secret.
        """
        url = self._url(path)
        headers = {"authorization": f"Bearer {secret}"}
        if self._target.key:
            headers["x-relay-key"] = self._target.key
        request = f"GET {urlsplit(url).path}"
        with opened(request, "ws" + url.removeprefix("http"), headers, self._target.seconds) as socket:
            if self._observer is not None:
                self._observer("GET", urlsplit(url).path, SWITCHED)
            yield socket

    def _url(self, path: str) -> str:
        base = self._target.base_url
        return base.removesuffix("/v1") + path[1:] if path.startswith("//") else base + path
