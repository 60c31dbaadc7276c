"""Fixtures that several folders share."""

import os
from collections.abc import Iterator

import pytest

from relay.settings import Settings
from tests.servers import Recorder, recording, relay_over

_VARIABLES = {
    str(choice)
    for field in Settings.model_fields.values()
    for choice in getattr(field.validation_alias, "choices", [])
}


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_developer() -> Iterator[None]:
    """Keep the environment and `.env` of whoever runs the tests out of them."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.upper() in _VARIABLES}
    env_file = Settings.model_config["env_file"]
    Settings.model_config["env_file"] = None
    yield
    Settings.model_config["env_file"] = env_file
    os.environ.update(kept)


@pytest.fixture(scope="session")
def sandbox_relay() -> Iterator[str]:
    """A relay over the sandbox: its root address, `http://127.0.0.1:PORT`."""
    with relay_over("sandbox:") as root:
        yield root


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def relay(recorder: Recorder) -> Iterator[str]:
    """A relay over `recorder`: its root address."""
    with recording(recorder) as upstream, relay_over(upstream) as root:
        yield root
