"""The way to the upstream, a step at a time: its name, a connection, TLS, an answer, the key, the clock."""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from acceptance.answer import Answer, Unmet
from acceptance.client import Client, Target
from acceptance.doctor.finding import Finding

_NAME, _CONNECTION, _TLS = "upstream: name", "upstream: connection", "upstream: TLS"
_ANSWER, _KEY, _CLOCK = "upstream: answer", "upstream: key", "clock"
_SANDBOX = "sandbox:"
_MOST_SKEW = 30  # seconds
_LOCAL = ("127.", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class _Failed(Exception):
    """A step that ends the way."""

    finding: Finding


def examined(target: Target, relay: Target) -> Iterator[Finding]:
    """Each step on the way to the upstream at `target`, until one fails; its key is shown if there is one.

    `relay` is where the relay itself is.
    """
    if target.base_url == _SANDBOX:
        yield Finding("upstream", "ok", "the embedded sandbox: nothing goes out")
        return
    if target.base_url == relay.base_url:
        yield Finding("upstream", "wrong", "it is this relay itself", "set OPENAI_API_BASE to the upstream")
        return
    parts = urlsplit(target.base_url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    try:
        addresses, found = _resolved(host, port, target.seconds)
        yield found
        connection, found = _connected(addresses, port, target.seconds)
        yield found
        with closing(connection):
            yield _secured(connection, host) if secure else _plain(host)
        yield from _asked(target)
    except _Failed as failed:
        yield failed.finding


def _resolved(host: str, port: int, seconds: float) -> tuple[list[Any], Finding]:
    answers: queue.Queue[list[Any] | OSError] = queue.Queue()

    def resolve() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(OSError(str(error)) if isinstance(error, UnicodeError) else error)

    began = time.monotonic()
    # It takes no limit of its own, and must not keep the command from ending.
    threading.Thread(target=resolve, daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        found = OSError("no answer of the resolver")
    spent = time.monotonic() - began
    if isinstance(found, OSError):
        todo = "look at OPENAI_API_BASE, and at the resolver of this machine or container"
        raise _Failed(Finding(_NAME, "wrong", f"{host}: {found.strerror or found}", todo, spent))
    shown = ", ".join(dict.fromkeys(str(address[0]) for *_, address in found))
    return found, Finding(_NAME, "ok", f"{host} is {shown}", seconds=spent)


def _connected(addresses: list[Any], port: int, seconds: float) -> tuple[socket.socket, Finding]:
    failures, began = [], time.monotonic()
    for family, kind, protocol, _, address in addresses:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(seconds)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
            failures.append(f"{address[0]} port {port}: {reason}")
            continue
        spent = time.monotonic() - began
        return connection, Finding(_CONNECTION, "ok", f"{address[0]} port {port}", seconds=spent)
    todo = "let this machine connect there (a firewall?), or set OPENAI_API_BASE to another address"
    spent = time.monotonic() - began
    raise _Failed(Finding(_CONNECTION, "wrong", "; ".join(failures), todo, spent))


def _secured(connection: socket.socket, host: str) -> Finding:
    context, began = ssl.create_default_context(), time.monotonic()
    try:
        with context.wrap_socket(connection, server_hostname=host) as secured:
            version, certificate = secured.version(), secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        todo = "look who answers there, or trust who signed it: SSL_CERT_FILE, the package ca-certificates"
        told = f"the certificate is not trusted: {error.verify_message}"
    except OSError as error:
        told = "no answer" if isinstance(error, TimeoutError) else f"{error.strerror or error}"
        todo = "is it TLS that is spoken there? OPENAI_API_BASE may lack http:, or a proxy is between"
    else:
        told = f"{version}, certificate valid until {certificate.get('notAfter')}"
        return Finding(_TLS, "ok", told, seconds=time.monotonic() - began)
    raise _Failed(Finding(_TLS, "wrong", told, todo, time.monotonic() - began))


def _plain(host: str) -> Finding:
    if host.startswith(_LOCAL):
        return Finding(_TLS, "ok", "none, on this machine")
    return Finding(_TLS, "warning", "none: the real key goes over the network in the clear", "use https:")


def _asked(target: Target) -> Iterator[Finding]:
    began = time.monotonic()
    fields: dict[str, str] = {}
    try:
        with Client(target) as client, client.opened("GET", "/models") as incoming:
            fields = dict(incoming.fields)
            answer = incoming.whole()
    except Unmet as unmet:
        todo = "something else than OpenAI's API may answer there; look at OPENAI_API_BASE"
        raise _Failed(Finding(_ANSWER, "wrong", unmet.came, todo, time.monotonic() - began)) from None
    spent = time.monotonic() - began
    yield _answered(answer, fields, spent)
    if target.key:
        yield from _known(answer)
    yield from _timed(fields, spent)


def _answered(answer: Answer, fields: dict[str, str], spent: float) -> Finding:
    told = f"{answer.request}: {answer.status}" + (", by a relay" if "x-relay-request-id" in fields else "")
    if answer.status in range(300, 400):
        todo = f"set OPENAI_API_BASE to where it leads: {fields.get('location', 'it does not say')}"
        return Finding(_ANSWER, "wrong", f"{told}, a redirect, which the relay does not follow", todo, spent)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        todo = "the upstream is in trouble: try again, and look at its status page"
        return Finding(_ANSWER, "wrong", told, todo, spent)
    if answer.status == HTTPStatus.NOT_FOUND or (answer.status == HTTPStatus.OK and not _is_list(answer)):
        todo = "OPENAI_API_BASE may lead to something else, or lack a part of its path"
        return Finding(_ANSWER, "warning", f"{told}, and no list of models", todo, spent)
    return Finding(_ANSWER, "ok", told, seconds=spent)


def _is_list(answer: Answer) -> bool:
    try:
        return bool(answer.at("object") == "list")
    except Unmet:
        return False


def _known(answer: Answer) -> Iterator[Finding]:
    if answer.status == HTTPStatus.OK:
        yield Finding(_KEY, "ok", "the upstream takes it")
    elif answer.status == HTTPStatus.UNAUTHORIZED:
        yield Finding(_KEY, "wrong", "the upstream refuses it", "set OPENAI_API_KEY to one that is valid")
    elif answer.status == HTTPStatus.FORBIDDEN:
        todo = "a restricted key has to have what clients do; some regions and projects are refused too"
        yield Finding(_KEY, "warning", "it may not list models", todo)
    elif answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        todo = "look at the limits and the billing of its project"
        yield Finding(_KEY, "warning", "its limits are reached", todo)


def _timed(fields: dict[str, str], spent: float) -> Iterator[Finding]:
    with suppress(KeyError, ValueError, TypeError, OverflowError):
        told = parsedate_to_datetime(fields["date"])
        ahead = (datetime.now(UTC) - told).total_seconds()
        shown = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the upstream's"
        # A Date has whole seconds, and was said while the answer was on its way.
        if abs(ahead) <= _MOST_SKEW + spent + 1:
            yield Finding(_CLOCK, "ok", shown)
        else:
            todo = "set the clock (NTP): certificates and the times of client secrets go by it"
            yield Finding(_CLOCK, "warning", shown, todo)
