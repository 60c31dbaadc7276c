"""A web server on the loopback for the tests that fetch."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Handler(BaseHTTPRequestHandler):
    """Answers by path; `pages` holds the documents."""

    pages: dict[str, bytes]

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.answer(302, b"", Location=self.path.removeprefix("/to/"))
        elif self.path == "/short":
            self.answer(200, b"openapi: ", **{"Content-Length": "100"})
        elif self.path == "/chunked":
            self.answer(200, b"4\r\nabcd\r\n0\r\n\r\n", **{"Transfer-Encoding": "chunked"})
        elif self.path == "/cut":
            self.answer(200, b"4\r\nab", **{"Transfer-Encoding": "chunked"})
        elif self.path == "/silent":
            time.sleep(0.5)
        elif self.path == "/drip":
            self.drip()
        elif self.path == "/nonsense":
            self.wfile.write(b"nonsense\r\n\r\n")
        elif self.path in self.pages:
            self.answer(200, self.pages[self.path])
        else:
            self.answer(404, b"{}")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        if "Transfer-Encoding" not in headers:
            headers = {"Content-Length": str(len(body)), **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self) -> None:
        self.answer(200, b"a", **{"Content-Length": "20"})
        for _ in range(19):
            time.sleep(0.05)
            try:
                self.wfile.write(b"a")
            except OSError:
                return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@contextmanager
def serving(pages: dict[str, bytes]) -> Iterator[str]:
    """Serve `pages` by path; gives the server's base URL."""
    handler = type("Pages", (Handler,), {"pages": pages})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
