"""The image's own commands, run by a user without rights on a root that cannot be written to."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.fleet import DEPLOY, answers, free_port
from tests.deploy.image import Layer, Stage, built, overlay, stages, system
from tests.relay.wire import ask
from tests.servers import PROJECT, RELAY_KEY, until

pytestmark = pytest.mark.deploy
STREAM = b'{"model":"m","input":"hi","stream":true}'


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Layer]]:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may mount a layer")
    folder = tmp_path_factory.mktemp("image")
    probe = folder / "probe"
    for name in ("u", "w", "m"):
        (probe / name).mkdir(parents=True)
    try:
        system("mount", *overlay(probe / "u", probe / "w", probe / "m"))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no overlay file system")
    system("umount", str(probe / "m"))
    # Where packages come from is the machine's own setting.
    network = {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    with built(DEPLOY / "Dockerfile", PROJECT, folder, **network) as (stage, layer):
        layer.shut()
        yield stage, layer


def exec_form(text: str) -> list[str]:
    """The words of a command that no shell stands before: signals reach it."""
    words = json.loads(text)
    assert all(isinstance(word, str) for word in words)
    return list(words)


def test_it_holds_the_runtime_and_nothing_that_builds_or_tests_it(image: tuple[Stage, Layer]) -> None:
    packages = {path.name for path in image[1].inside("/opt/relay").glob("lib/python*/site-packages/*")}
    assert {"relay", "handlers", "generated", "sandbox", "acceptance", "uvloop"} <= packages
    assert not packages & {"hatchling", "pytest", "mypy", "hypothesis", "schemathesis", "ruff"}
    assert not image[1].inside("/src").exists()


def test_it_streams_an_answer_is_healthy_and_ends_with_its_signal(image: tuple[Stage, Layer]) -> None:
    stage, layer = image
    [entry], [arguments] = stage.all("ENTRYPOINT"), stage.all("CMD")
    [health] = [exec_form(text.partition("CMD ")[2]) for text in stage.all("HEALTHCHECK")]
    [number] = stage.all("STOPSIGNAL")
    port = str(free_port())
    given = {"RELAY_PORT": port, "RELAY_KEY": RELAY_KEY, "OPENAI_API_BASE": "sandbox:"}
    command = exec_form(entry) + exec_form(arguments)
    with layer.start(command, **given) as process:
        try:
            until(lambda: answers(int(port)) or process.poll() is not None, 60)
            root = f"http://127.0.0.1:{port}"
            answer = ask(root, "POST", "/v1/responses", "content-type: application/json", body=STREAM)
            assert answer.status == 200
            assert b"event: response.completed" in answer.body
            status = Path(f"/proc/{process.pid}/status").read_text()
            assert f"Uid:\t{layer.user}\t" in status
            assert layer.user > 0
            layer.run(health, RELAY_PORT=port)
            with layer.start(health, RELAY_PORT=str(free_port())) as sick:
                sick.communicate(timeout=60)
            assert sick.returncode != 0
        finally:
            process.send_signal(signal.Signals[number])
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [line for line in said.splitlines() if not line.startswith('{"')] == []
    assert [json.loads(line)["event"] for line in said.splitlines()].count("drained") == 1


def test_it_refuses_to_open_the_real_key_to_everybody(image: tuple[Stage, Layer]) -> None:
    with image[1].start(["relay", "serve"], OPENAI_API_KEY="sk-x") as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.startswith("relay: RELAY_HOST='0.0.0.0' would open the real key")


def test_several_workers_need_nothing_to_write_to_but_what_is_given(image: tuple[Stage, Layer]) -> None:
    port = str(free_port())
    given = {"RELAY_PORT": port, "RELAY_KEY": RELAY_KEY, "OPENAI_API_KEY": "sk-x", "RELAY_WORKERS": "2"}
    with image[1].start(["relay", "serve"], **given) as process:
        until(lambda: answers(int(port)) or process.poll() is not None, 60)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said


def test_its_commands_have_no_shell_before_them() -> None:
    last = stages((DEPLOY / "Dockerfile").read_text())[-1]
    for word in ("ENTRYPOINT", "CMD"):
        [text] = last.all(word)
        assert exec_form(text)
