import gc
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from relay.commands import main
from relay.serving.server import listen
from relay.setting_types import SettingsError
from relay.settings import load_settings
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, recording, run_relay, running_relay

COMMANDS = ("serve", "sandbox", "settings", "routes", "drift", "doctor", "check", "diff", "completion")


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a command said when it refused to run: one line, and code 2."""
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_the_commands_and_each_has_help(option: str) -> None:
    done = CliRunner().invoke(main, [option], prog_name="relay")
    assert done.exit_code == 0
    assert all(f"\n {command} " in done.output for command in COMMANDS)
    for command in COMMANDS:
        done = CliRunner().invoke(main, [command, option], prog_name="relay")
        assert done.exit_code == 0
        assert f"Usage: relay {command} [OPTIONS]" in done.output


def test_version_is_that_of_the_package(tmp_path: Path) -> None:
    said = f"relay, version {version('chatgpt-team-relay')}\n"
    assert run_relay("--version", directory=tmp_path).stdout == said
    installed = [str(Path(sys.executable).with_name("relay")), "--version"]
    assert subprocess.run(installed, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == said


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["serve", "--nothing"], ["serve", "--port", "x"], ["sandbox", "--port", "-1"]]
)
def test_an_unknown_argument_is_code_two(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("relay: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_over_the_sandbox_answers_and_ends_on_a_signal(tmp_path: Path, number: int) -> None:
    with running_relay("serve", "--sandbox", "--port", "0", directory=tmp_path) as running:
        assert httpx.get(f"{running.root}/ready").status_code == 200
        health = httpx.get(f"{running.root}/health").json()
        assert health["openai"] == {"base_url": "sandbox:", "api_key_configured": True}
        models = httpx.get(f"{running.root}/v1/models").json()
        assert models["object"] == "list"
        running.process.send_signal(number)
        assert running.process.wait(30) == 0
    assert not [line for line in running.lines if "Traceback" in line or "error" in line]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sandbox_alone_answers_with_any_key_and_ends_on_a_signal(tmp_path: Path, number: int) -> None:
    with running_relay("sandbox", "--port", "0", directory=tmp_path) as running:
        assert running.lines[0] == f"sandbox listening on {running.root}/v1"
        models = httpx.get(f"{running.root}/v1/models", headers={"authorization": "Bearer anything"})
        assert models.json()["object"] == "list"
        running.process.send_signal(number)
        assert running.process.wait(30) == 0


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize("command", [["serve"], ["serve", "--sandbox"], ["sandbox"]], ids=" ".join)
def test_a_taken_port_is_one_line(tmp_path: Path, taken: str, command: list[str]) -> None:
    said = one_line(run_relay(*command, "--port", taken, directory=tmp_path))
    assert said.startswith("relay: ")
    assert taken in said
    assert "Address already in use" in said


# 192.0.2.0/24 is nobody's (RFC 5737); a label has 1 to 63 characters (RFC 1035).
HOSTS = ("192.0.2.1", "nowhere.invalid", "a..b", "a" * 64, "[::1]")


@pytest.mark.parametrize("host", HOSTS)
def test_serve_refuses_an_address_that_is_not_this_machines(host: str) -> None:
    settings = load_settings(relay_host=host, relay_port=0)
    with pytest.raises(SettingsError) as caught:
        listen(settings)
    assert str(caught.value).startswith(f"RELAY_HOST='{host}', RELAY_PORT=0 is invalid: allowed is ")
    assert len(str(caught.value).splitlines()) == 1
    del caught
    gc.collect()  # an unclosed socket would be reported now


@pytest.mark.parametrize("host", HOSTS)
def test_sandbox_refuses_an_address_that_is_not_this_machines(host: str) -> None:
    done = CliRunner().invoke(main, ["sandbox", "--host", host, "--port", "0"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"relay: --host {host} --port 0 cannot be listened on: ")
    assert len(done.stderr.splitlines()) == 1


def test_options_win_over_the_environment_and_dot_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RELAY_PORT=1\nRELAY_NAME=from-dot-env\nRELAY_HOST=192.0.2.1\n")
    arguments = ("serve", "--sandbox", "--host", "127.0.0.1", "--port", "0")
    with running_relay(*arguments, directory=tmp_path, APP_MODE="from-environment") as running:
        relay = httpx.get(f"{running.root}/health").json()["relay"]
    assert (relay["name"], relay["app_mode"]) == ("from-dot-env", "from-environment")


def test_serve_takes_both_keys_from_files(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(f"{REAL_KEY}\n")
    (tmp_path / "keys").write_text(f"{RELAY_KEY}\nanother\n")
    given = {"OPENAI_API_KEY_FILE": "real", "RELAY_KEY_FILE": "keys"}
    recorder = Recorder()
    with (
        recording(recorder) as base,
        running_relay("serve", "--port", "0", directory=tmp_path, OPENAI_API_BASE=base, **given) as running,
    ):
        for key, status in ((RELAY_KEY, 200), ("another", 200), ("wrong", 401)):
            answer = httpx.get(f"{running.root}/v1/models", headers={"x-relay-key": key})
            assert answer.status_code == status
    assert [request.header(b"authorization") for request in recorder.seen] == [
        [b"Bearer %b" % REAL_KEY.encode()]
    ] * 2


def test_a_key_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    said = one_line(run_relay("serve", "--port", "0", directory=tmp_path, RELAY_KEY_FILE="missing"))
    assert said.startswith("relay: RELAY_KEY_FILE='missing' is invalid")
    assert "No such file" in said
