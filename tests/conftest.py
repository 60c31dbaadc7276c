"""Fixtures that several folders share."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from starlette.types import Receive, Scope, Send

from relay.settings import Settings
from tests import actions_folder as actions
from tests.faulty import Faulty, misbehaving
from tests.file_host import FileHost, certified
from tests.relay.processes import Holding
from tests.servers import Recorder, Seen, recording, relay_over

pytest_plugins = [
    "tests.evidence_plugin",
    "tests.order",
    "tests.quiet",
    "tests.reliability.plugin",
    "tests.told",
]

# How fast one example is says more of the machine's load than of the code.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

_VARIABLES = {
    str(choice)
    for field in Settings.model_fields.values()
    for choice in getattr(field.validation_alias, "choices", [])
}


@pytest.fixture(autouse=True, scope="session")
def _nothing_left_open() -> Iterator[None]:
    """Have what a test left open fail the last one: what a worker of `-n` finds later, it tells nobody."""
    yield
    gc.collect()


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_developer() -> Iterator[None]:
    """Keep the environment and `.env` of whoever runs the tests out of them."""
    # COLUMNS: pytest tells its processes how wide the terminal of the one that started them is.
    names = [name for name in os.environ if name.upper() in _VARIABLES | {"COLUMNS", "NO_COLOR"}]
    kept = {name: os.environ.pop(name) for name in names}
    env_file = Settings.model_config["env_file"]
    Settings.model_config["env_file"] = None
    yield
    Settings.model_config["env_file"] = env_file
    os.environ.update(kept)


@pytest.fixture
def actions_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Documents for Actions of the test's own, which every relay of this process serves."""
    folder = actions.write(tmp_path)
    monkeypatch.setattr("relay.actions.documents._FOLDER", folder)
    return folder


@pytest.fixture(scope="session")
def sandbox_relay() -> Iterator[str]:
    """A relay over the sandbox: its root address, `http://127.0.0.1:PORT`."""
    with relay_over("sandbox:") as root:
        yield root


@pytest.fixture(scope="module")
def _recorders() -> Iterator[tuple[list[Recorder], str]]:
    """Every recorder of the module's tests, the last one in charge, and a relay over it."""
    recorders: list[Recorder] = []

    async def upstream(scope: Scope, receive: Receive, send: Send) -> None:
        await recorders[-1](scope, receive, send)

    with recording(upstream) as base_url, relay_over(base_url) as root:
        yield recorders, root


@pytest.fixture
def recorder(_recorders: tuple[list[Recorder], str]) -> Recorder:
    """An upstream of the test's own, behind a server that the module shares."""
    _recorders[0].append(Recorder())
    return _recorders[0][-1]


@pytest.fixture
def relay(recorder: Recorder, _recorders: tuple[list[Recorder], str]) -> str:  # noqa: ARG001 - it takes charge
    """A relay over `recorder`, which the module shares: its root address."""
    return _recorders[1]


@pytest.fixture(scope="module")
def _faulty() -> Iterator[tuple[Faulty, str]]:
    upstream = Faulty()
    with misbehaving(upstream), relay_over(upstream.base_url) as root:
        yield upstream, root


@pytest.fixture
def faulty(_faulty: tuple[Faulty, str]) -> Iterator[Faulty]:
    """An upstream to give a script to; errors of the script's own fail the test."""
    upstream, _ = _faulty
    upstream.reset()
    yield upstream
    assert not upstream.failures


@pytest.fixture
def faulty_relay(faulty: Faulty, _faulty: tuple[Faulty, str]) -> str:  # noqa: ARG001 - for a fresh script
    """A relay over `faulty`: its root address."""
    return _faulty[1]


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[Recorder, str]]:
    """A recorder that the tests of one module share, and its base address."""
    recorder = Recorder()
    with recording(recorder) as base:
        yield recorder, base


@pytest.fixture
def seen(upstream: tuple[Recorder, str]) -> list[Seen]:
    """What reached `upstream` since the test began."""
    upstream[0].seen.clear()
    return upstream[0].seen


@pytest.fixture
def holding() -> Iterator[Holding]:
    """An upstream that begins its answers, and ends them once it is released."""
    made = Holding()
    with misbehaving(made.faulty):
        yield made
        made.released.set()
    assert not made.faulty.failures


@pytest.fixture(scope="module")
def _file_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileHost]:
    host = FileHost(*certified(tmp_path_factory.mktemp("tls")))
    with misbehaving(host.faulty):
        yield host


@pytest.fixture
def file_host(_file_host: FileHost) -> Iterator[FileHost]:
    """OpenAI's file hosts, as a test says; errors of the script's own fail it."""
    _file_host.reset()
    yield _file_host
    assert not _file_host.faulty.failures
