"""What the tests of client secrets share: what the relays remember, and what an upstream tells."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from relay.client_secrets import ClientSecrets

SECRETS = "/v1/realtime/client_secrets"


@contextmanager
def remembering() -> Iterator[ClientSecrets]:
    """What the relays that are made in the block remember."""
    secrets = ClientSecrets()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relay.app.ClientSecrets", lambda: secrets)
        yield secrets


def secret(value: Any, **other: Any) -> dict[str, Any]:
    """The members of an answer that tell a secret, one for ten minutes."""
    return {"value": value, "expires_at": int(time.time()) + 600, **other}
