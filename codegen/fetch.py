"""Reads the source document from a file or over HTTPS, within limits."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from codegen.errors import CodegenError
from codegen.files import read

LIMIT = 64 * 1024 * 1024
TIMEOUT = 60.0
_CHUNK = 64 * 1024
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_url(source: str) -> bool:
    """Whether a source is a URL (RFC 3986 section 3) rather than the path of a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source) is not None


def source_bytes(source: str) -> bytes:
    """Read a path or a URL. Raises CodegenError; see `fetch` for the limits of a URL."""
    return fetch(source) if is_url(source) else read(Path(source))


def fetch(url: str, limit: int = LIMIT, timeout: float = TIMEOUT) -> bytes:
    """GET a document over https, or http from this machine itself; redirects keep to the same rule.

    Raises CodegenError for another scheme, credentials in the URL, a status that is not 2xx, a transport
    fault, more than `limit` bytes, fewer bytes than promised, or more than `timeout` seconds in all.
    """
    _refuse_unsafe(url)
    deadline = time.monotonic() + timeout
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        with opener.open(url, timeout=timeout) as response:
            return _drain(response, url, limit, deadline)
    except urllib.error.HTTPError as error:
        error.close()
        raise CodegenError(f"{url}: the server answered {error.code}") from error
    except (
        OSError,
        ValueError,
        http.client.HTTPException,
    ) as error:  # ValueError: not to be written in ASCII
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise CodegenError(f"{url}: cannot be fetched: {reason}") from error


def _drain(response: http.client.HTTPResponse, url: str, limit: int, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise CodegenError(f"{url}: longer than {limit} bytes")
        if time.monotonic() > deadline:
            raise CodegenError(f"{url}: not finished within the time allowed")
    # http.client reports a short body for a read of the whole, but not for one in pieces.
    promised = response.headers.get("Content-Length")
    if promised is not None and promised.isdecimal() and int(promised) != len(body):
        raise CodegenError(f"{url}: ended after {len(body)} of {promised} bytes")
    return bytes(body)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            _refuse_unsafe(newurl)
        except CodegenError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refuse_unsafe(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise CodegenError(f"{url}: no URL: {error}") from error
    if parts.username is not None:  # empty, but there, before a lone password
        # The URL goes into the lock file, which is published.
        raise CodegenError("the source URL holds a user or a password")
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not local:
        raise CodegenError(f"{url}: only https is fetched (http from this machine alone)")
    if not parts.hostname:
        raise CodegenError(f"{url}: names no host")
