"""`relay check` as a command: its arguments, its exit codes, and how it is interrupted."""

import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from starlette.types import Scope

from acceptance.command import listening_at
from tests.acceptance.stage import BATCH, KEY, Spoiled, Stage, left, listed, stuck
from tests.servers import PROJECT, Recorder, recording, run_relay, running_relay
from tests.told import tell


def test_every_flow_passes_through_a_relay_that_is_served(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    keys = f"{KEY},another"
    with running_relay("serve", "--sandbox", directory=tmp_path, RELAY_KEY=keys, RELAY_PORT="0") as running:
        port = running.root.rpartition(":")[2]
        done = run_relay("check", directory=tmp_path, RELAY_KEY=keys, RELAY_PORT=port)
        tell(request.config, "relay check, over relay serve --sandbox", done.stdout)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert done.stdout.endswith("7 flows (A, B, C, D, E, F, G), all shown\n")
        uploads = set(re.findall(r"path=/v1/uploads/(\w+)/", "\n".join(running.lines)))
        assert len(uploads) == 2
        assert not left(running.root, KEY, uploads)


def test_one_flow_that_fails_is_code_one_and_the_key_stays_hidden(tmp_path: Path, stage: Stage) -> None:
    options = ("--only", "C,d", "--base-url", stage.root, "--key", "x")
    done = run_relay("check", *options, directory=tmp_path)
    assert done.returncode == 1
    assert done.stdout.endswith("2 flows (C, D), failed: D\n")
    assert "Invalid relay key" in done.stdout
    assert '"x"' not in done.stdout


def test_the_model_is_the_one_given_or_that_of_the_settings(tmp_path: Path) -> None:
    recorder = Recorder()
    with recording(recorder) as base:
        for arguments in ((), ("--model", "given")):
            options = ("--only", "B", "--base-url", base, *arguments)
            run_relay("check", *options, directory=tmp_path, DEFAULT_MODEL="of-settings")
    assert [json.loads(request.body)["model"] for request in recorder.seen if request.body] == [
        "of-settings",
        "given",
    ]


def test_the_realtime_model_is_the_one_given_or_that_of_the_settings(tmp_path: Path) -> None:
    recorder = Recorder()
    with recording(recorder) as base:
        for arguments in ((), ("--realtime-model", "given")):
            options = ("--only", "G", "--base-url", base, *arguments)
            run_relay("check", *options, directory=tmp_path, REALTIME_MODEL="of-settings")
    asked = [json.loads(request.body)["session"]["model"] for request in recorder.seen if request.body]
    assert asked == ["of-settings", "given"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "A,Z"], "--only 'A,Z' is invalid: allowed is a comma list of A, B, C, D, E, F, G"),
        (["--only", ""], "--only '' is invalid"),
        (["--base-url", "ftp://relay"], "--base-url is invalid: allowed is an http or https address"),
        (["--base-url", "http://user:secret@relay"], "--base-url is invalid"),
        (["--base-url", "http://[::1"], "--base-url is invalid"),
        (["--base-url", "http://relay:0"], "--base-url is invalid"),
        (["--key", "schlüssel"], "--key (hidden) is invalid: allowed are visible ASCII characters"),
        (["--model", "a\udcffb"], "--model is invalid: allowed is any text"),
        (["--realtime-model", "a\udcffb"], "--realtime-model is invalid: allowed is any text"),
    ],
)
def test_an_unusable_argument_is_one_line_and_code_two(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run_relay("check", *arguments, directory=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"relay: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize("arguments", [["--timeout", "0"], ["--wait", "x"], ["--wait", "86401"]])
def test_a_time_is_a_number_over_zero(tmp_path: Path, arguments: list[str]) -> None:
    done = run_relay("check", *arguments, directory=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert arguments[0] in done.stderr


def test_a_relay_that_does_not_answer_is_one_line_and_code_three(tmp_path: Path) -> None:
    done = run_relay("check", "--base-url", "http://127.0.0.1:9", directory=tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith("relay: the relay does not answer: ConnectError")
    assert len(done.stderr.splitlines()) == 1


def test_an_unusable_setting_is_one_line_and_code_two(tmp_path: Path) -> None:
    done = run_relay("check", directory=tmp_path, RELAY_PORT="x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("relay: RELAY_PORT='x' is invalid")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - nothing is bound here
        ("::", "[::1]"),
        ("relay.example", "relay.example"),
    ],
)
def test_a_relay_is_looked_for_where_its_settings_say(host: str, address: str) -> None:
    assert listening_at(host, 8000) == f"http://{address}:8000/v1"


def test_a_terminal_of_another_encoding_is_written_to(tmp_path: Path, stage: Stage) -> None:
    options = ("--only", "E", "--key", KEY, "--base-url", stage.root)
    done = run_relay("check", *options, directory=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "in_progress ? finalizing ? completed" in done.stdout


def test_an_interrupted_check_deletes_what_it_made_and_ends_quietly(fresh: Stage) -> None:
    polled = threading.Event()

    def polling(status: int, whole: bytes, _scope: Scope) -> tuple[int, bytes]:
        polled.set()
        return status, whole

    fresh.front = Spoiled(stuck(fresh.relay), BATCH, polling)
    # Whoever runs the tests in the background of a shell has its children ignore the signal.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from relay.commands import main; main()"
    options = ["check", "--only", "E", "--key", KEY, "--base-url", fresh.root]
    with subprocess.Popen(
        [sys.executable, "-c", program, *options],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert polled.wait(60)
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (130, "interrupted\n")
    assert "what was made is deleted again" in said
    assert [batch["status"] for batch in listed(fresh.root, KEY, "batches")] == ["cancelling"]
    assert not fresh.left()
