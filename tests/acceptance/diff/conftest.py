"""A sandbox, a relay over it, and between it and the client whatever a test puts there."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from click.testing import CliRunner, Result
from starlette.types import ASGIApp

from relay.app import create_app
from relay.commands import main
from relay.serving.server import server_config
from relay.settings import load_settings
from sandbox.server import SandboxServer
from tests.servers import REAL_KEY, RELAY_KEY, serving

Front = Callable[[ASGIApp], ASGIApp]
Diff = Callable[..., Result]


@contextmanager
def fronted(upstream: str, front: Front) -> Iterator[str]:
    """A relay over `upstream`, behind what `front` makes of it; gives its root address."""
    settings = load_settings(
        openai_api_base=upstream, openai_api_key=REAL_KEY, relay_key=RELAY_KEY, relay_port=0
    )
    with serving(server_config(front(create_app(settings)), settings)) as root:
        yield root


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with SandboxServer() as server:
        yield server.base_url


@pytest.fixture
def behind(sandbox: str) -> Callable[[Front], AbstractContextManager[str]]:
    """A relay over the sandbox, behind a front."""
    return lambda front: fronted(sandbox, front)


@pytest.fixture
def diff(sandbox: str) -> Diff:
    """Run `relay diff` against a relay, its upstream the sandbox unless another is named."""

    def run(root: str, *arguments: str, upstream: str = sandbox, **options: str) -> Result:
        environment = {"OPENAI_API_KEY": REAL_KEY, "OPENAI_API_BASE": upstream, "RELAY_KEY": RELAY_KEY}
        given = ["diff", *arguments, "--base-url", root]
        return CliRunner().invoke(main, given, env=environment, **options)  # type: ignore[arg-type]  # input=

    return run
