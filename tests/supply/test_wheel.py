"""The wheel in an environment of its own, in an empty folder: what somebody has who installs it."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import openai
import pytest

from tests.servers import Running, until
from tests.supply.installed import installed, pip

KEY = "relay-key-of-the-wheel"
_SECONDS = 60


@pytest.fixture(scope="module")
def commands(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that the wheel is installed in."""
    return installed(built[0], tmp_path_factory.mktemp("wheel") / "environment")


def environment(**variables: str) -> dict[str, str]:
    """Nothing of this process but the search path, so that no PYTHONPATH leads back to the tree."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables}


def run(
    command: Path, *arguments: str, directory: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command, *arguments],
        cwd=directory,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


@contextmanager
def running(command: Path, directory: Path) -> Iterator[Running]:
    """`relay serve --sandbox` on a free port; it is told to stop when the block ends, and ends in order."""
    with subprocess.Popen(
        [command, "serve", "--sandbox", "--port", "0"],
        cwd=directory,
        env=environment(RELAY_KEY=KEY),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        relay = Running(process)
        reader = threading.Thread(target=relay.read, daemon=True)
        reader.start()
        try:
            until(lambda: bool(relay.root) or process.poll() is not None, _SECONDS)
            yield relay
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(_SECONDS)
            reader.join(_SECONDS)
        assert code == 0, "\n".join(relay.lines)


def test_it_declares_all_that_it_needs(commands: Path) -> None:
    assert pip("check", environment=commands.parent) == "No broken requirements found.\n"


def test_nothing_of_the_tree_and_no_tool_is_there(commands: Path, tmp_path: Path) -> None:
    for missing in ("codegen", "tests", "pytest", "hypothesis", "pip"):
        done = run(commands / "python", "-c", f"import {missing}", directory=tmp_path)
        assert f"No module named '{missing}'" in done.stderr
    done = run(commands / "python", "-c", "import relay; print(relay.__file__)", directory=tmp_path)
    assert done.stdout.startswith(str(commands.parent))


def test_it_says_its_version_and_its_settings(commands: Path, tmp_path: Path) -> None:
    said = run(commands / "relay", "--version", directory=tmp_path)
    assert (said.returncode, said.stdout) == (0, f"relay, version {version('chatgpt-team-relay')}\n")
    settings = run(commands / "relay", "settings", directory=tmp_path, RELAY_KEY=KEY)
    assert settings.returncode == 0
    assert re.search(r"^RELAY_KEY ", settings.stdout, re.MULTILINE)
    assert KEY not in settings.stdout
    assert not list(tmp_path.iterdir())


def test_it_serves_a_stream_passes_the_check_and_ends_when_it_is_told_to(
    commands: Path, tmp_path: Path
) -> None:
    with running(commands / "relay", tmp_path) as relay:
        with openai.OpenAI(base_url=f"{relay.root}/v1", api_key=KEY, max_retries=0) as client:
            events = list(client.responses.create(model="gpt-5.1", input="Return exactly: pong", stream=True))
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert (text, events[-1].type) == ("pong", "response.completed")
        check = ("check", "--base-url", f"{relay.root}/v1", "--key", KEY)
        done = run(commands / "relay", *check, directory=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.endswith("all shown\n")
