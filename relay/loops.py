"""Loops: a request that this relay has sent is known by its Via (RFC 9110, 7.6.3), and goes no further."""

import hashlib

from relay.errors import LoopDetected
from relay.headers import RawHeaders
from relay.settings import Settings


class Loops:
    """The relay's name in Via: replicas and workers of one relay share it, relays in a chain do not."""

    def __init__(self, settings: Settings) -> None:
        known_by = f"{settings.relay_name}\n{settings.openai_api_base}"
        self._pseudonym = b"relay-" + hashlib.sha256(known_by.encode()).hexdigest()[:12].encode()

    def check(self, headers: RawHeaders) -> None:
        """Raise LoopDetected for a request that has passed this relay."""
        for name, value in headers:
            if name == b"via" and self._pseudonym in value:
                raise LoopDetected("This request has passed this relay before: its upstream leads back to it")

    def via(self, version: str) -> tuple[bytes, bytes]:
        """The field to add behind the client's own, for a request that came in as HTTP of `version`."""
        return b"via", version.encode() + b" " + self._pseudonym
