"""Keys: the relay keys that clients show, and the real key that only the upstream sees."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from connexion.middleware.security import SecurityAPI, SecurityMiddleware, SecurityOperation
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from generated.operations import Operation
from relay.contract import operation_of
from relay.errors import InvalidRelayKey
from relay.setting_types import SettingsError
from relay.settings import Settings
from relay.websocket.upgrade import shown_keys, upgrade_of

logger = structlog.get_logger("relay")

_LOOK_AGAIN_SECONDS = 1.0
_MAX_KEY_FILE_BYTES = 65_536
_ONE_KEY = re.compile(r"[!-~]+")
_SEVERAL_KEYS = re.compile(r"[!-~\s]+", re.ASCII)
_SEPARATORS = ", \t\r\n"
_SANDBOX_KEY = "sandbox"
AUTH_HEADER = "X-Relay-Key"
CLIENT_SECRET = b"ek_"


class Secret:
    """A text from a setting or a file. A file is read again within a second of its change.

    Raises SettingsError when it cannot be used at the start; later the last good text stays.
    """

    def __init__(
        self, value: SecretStr | None, path: Path | None, variable: str, *, parts: bool = False
    ) -> None:
        self._allowed = _SEVERAL_KEYS if parts else _ONE_KEY
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._next_look = 0.0
        self._text = ""
        shown = f"{variable}=(hidden)"
        if value is not None and path is not None:
            raise SettingsError(
                f"{shown} is invalid beside {variable}_FILE={str(path)!r}: allowed is one of them"
            )
        try:
            if value is not None:
                self._text = self._usable(value.get_secret_value())
            if path is not None:
                shown = f"{variable}_FILE={str(path)!r}"
                self._load(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            allowed = "allowed are visible ASCII characters" + (" in a readable file" if path else "")
            raise SettingsError(f"{shown} is invalid: {allowed} ({reason})") from None

    def __repr__(self) -> str:
        return f"Secret(configured={bool(self._text)})"

    @property
    def text(self) -> str:
        """The present value; empty when there is none."""
        if self._path is not None and time.monotonic() >= self._next_look:
            try:
                self._load(self._path)
            except (OSError, ValueError) as error:
                # A half-written or vanished file must not lock everybody out: the last good key stays.
                logger.warning("key file unusable", file=self._path.name, reason=type(error).__name__)
        return self._text

    def _load(self, path: Path) -> None:
        self._next_look = time.monotonic() + _LOOK_AGAIN_SECONDS
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp == self._stamp:
            return
        with path.open("rb") as file:
            text = self._usable(file.read(_MAX_KEY_FILE_BYTES).decode("ascii", "replace"))
        self._text, self._stamp = text, stamp

    def _usable(self, text: str) -> str:
        text = text.strip()
        if not text.strip(_SEPARATORS) or not self._allowed.fullmatch(text):
            raise ValueError("it is empty or holds other characters")
        return text


def upstream_key(settings: Settings) -> Secret:
    """The real key; the sandbox takes any."""
    if settings.uses_sandbox:
        return Secret(SecretStr(_SANDBOX_KEY), None, "OPENAI_API_KEY")
    return Secret(settings.openai_api_key, settings.openai_api_key_file, "OPENAI_API_KEY")


class RelayKeys:
    """The keys that open the relay; compared in constant time, whatever their lengths.

    `knows` is asked whether the relay has handed out a client secret.
    """

    def __init__(self, settings: Settings, knows: Callable[[bytes], bool]) -> None:
        self._knows = knows
        self._secret = Secret(settings.relay_key, settings.relay_key_file, "RELAY_KEY", parts=True)
        self._text: str | None = None
        self._digests: list[bytes] = []

    def _current(self) -> list[bytes]:
        text = self._secret.text
        if text != self._text:
            keys = [key.strip() for key in text.replace("\n", ",").split(",")]
            self._digests = [hashlib.sha256(key.encode()).digest() for key in keys if key]
            self._text = text
        return self._digests

    @property
    def configured(self) -> bool:
        """Whether there is any relay key."""
        return bool(self._current())

    def opens(self, shown: bytes) -> bool:
        """Whether `shown` is one of the keys."""
        digest = hashlib.sha256(shown).digest()
        opened = False
        for known in self._current():  # each of them, whatever the first one says
            opened |= hmac.compare_digest(digest, known)
        return opened

    def client_secret(self, scope: Scope, operation: Operation | None) -> bytes | None:
        """The client secret that goes upstream in the real key's place, where `operation` takes one."""
        if operation is None or not operation.client_secret:
            return None
        shown = _shown(scope)[0]
        return next((key for key in shown if key.startswith(CLIENT_SECRET) and not self.opens(key)), None)

    def check(self, scope: Scope) -> None:
        """Let a request in by `X-Relay-Key` or `Authorization: Bearer` (RFC 6750); raises InvalidRelayKey.

        A WebSocket may show its key among its subprotocols, and a client secret that the relay has handed out
        opens what takes one.
        """
        shown, authorization = _shown(scope)
        opened = [self.opens(key) for key in shown]  # each of them, whatever the first one says
        if any(opened):
            return
        secret = self.client_secret(scope, operation_of(scope))
        if secret is not None and self._knows(secret):
            return
        if secret is not None:
            message = (
                "Unknown or expired client secret: make one through this relay, or show a relay key beside it"
            )
        elif shown:
            message = "Invalid relay key"
        elif authorization and authorization.split(b" ")[0].lower() != b"bearer":
            message = "The Authorization header must be of the form: Bearer <relay key>"
        else:
            message = "Missing relay key"
        raise InvalidRelayKey(message, headers={"WWW-Authenticate": "Bearer"})


def _shown(scope: Scope) -> tuple[list[bytes], bytes]:
    """The keys that a request shows, and its Authorization, whatever that is."""
    relay_key = authorization = b""
    for name, value in scope["headers"]:
        if name == b"x-relay-key":
            relay_key = relay_key or value.strip()
        elif name == b"authorization":
            authorization = authorization or value.strip()
    scheme, _, token = authorization.partition(b" ")
    bearer = token.strip() if scheme.lower() == b"bearer" else b""
    shown = [key for key in (relay_key, bearer) if key]
    if upgrade_of(scope) is not None:
        shown += shown_keys(scope["headers"])
    return shown, authorization


def contract_security(keys: RelayKeys) -> type[SecurityMiddleware]:
    """Connexion's security for the routing document's one scheme, which reads both headers.

    Connexion says by the document what needs a key. The check is called with no request object made for it.
    """

    class KeyOperation(SecurityOperation):  # type: ignore[misc]  # Connexion carries no types
        """Lets a request in when it shows a relay key, or needs none."""

        def _get_verification_fn(self) -> Callable[[Scope], None]:
            return keys.check

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Pass the request on; raises InvalidRelayKey."""
            if self.security:
                self.verification_fn(scope)
            await self.next_app(scope, receive, send)

    class KeyAPI(SecurityAPI):  # type: ignore[misc]  # Connexion carries no types
        """The operations of the document, and what it asks of everything else."""

        def make_operation(self, operation: Any) -> KeyOperation:
            """One operation, or the document for all that it lacks."""
            factory = self.security_handler_factory
            made: KeyOperation = KeyOperation.from_operation(
                operation, next_app=self.next_app, security_handler_factory=factory
            )
            return made

    class KeyMiddleware(SecurityMiddleware):  # type: ignore[misc]  # Connexion carries no types
        """Looks operations up by the ids that routing found."""

        api_cls = KeyAPI

    return KeyMiddleware
