"""How every command ends: exit codes as documented, one line for what went wrong, and odd surroundings."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.exits import Exit
from tests.servers import PROJECT, RELAY_KEY, environment_of, relay_over, run_relay

DOCUMENT = PROJECT / "docs" / "command.md"
ASKING = (["check"], ["drift"], ["diff", "GET", "/v1/models"])
NOWHERE = ("--base-url", "http://127.0.0.1:9")
REAL = {"OPENAI_API_KEY": "sk-of-nobody", "OPENAI_API_BASE": "http://127.0.0.1:9"}


def test_the_document_has_every_code_and_no_other() -> None:
    rows = re.findall(r"^\| `(\d+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert [int(code) for code in rows] == [code.value for code in Exit]


def test_nothing_ends_with_another_code() -> None:
    written = [
        path for folder in ("relay/commands", "acceptance") for path in (PROJECT / folder).rglob("*.py")
    ]
    for path in written:
        text = path.read_text()
        assert not re.search(r"sys\.exit\((?!code\))|SystemExit", text), path
        assert not re.search(r"-> int:\n(?:.*\n)*?.*\breturn [0-9]", text), path


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_a_relay_that_cannot_be_reached_is_code_three(command: list[str], tmp_path: Path) -> None:
    done = run_relay(*command, *NOWHERE, directory=tmp_path, **REAL)
    assert (done.returncode, len(done.stderr.splitlines())) == (Exit.UNREACHABLE, 1)
    assert done.stderr.startswith("relay: ")
    assert "sk-of-nobody" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [["serve"], ["settings"], ["routes"], *ASKING],
    ids=" ".join,
)
@pytest.mark.parametrize("odd", ["broken .env", "not UTF-8", "bad value"])
def test_settings_that_cannot_be_used_are_code_two(command: list[str], odd: str, tmp_path: Path) -> None:
    given = {"RELAY_PORT": "x"} if odd == "bad value" else {}
    if odd == "broken .env":
        (tmp_path / ".env").write_text("RELAY KEY\n")
    elif odd == "not UTF-8":
        (tmp_path / ".env").write_bytes(b"RELAY_NAME=\xff\n")
    done = run_relay(*command, directory=tmp_path, **given)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (Exit.UNUSABLE, "", 1)
    assert done.stderr.startswith("relay: ")
    assert " is invalid: allowed is " in done.stderr


@pytest.mark.parametrize("command", [["serve"], *ASKING], ids=" ".join)
def test_a_key_file_that_is_not_there_is_code_two(command: list[str], tmp_path: Path) -> None:
    done = run_relay(*command, directory=tmp_path, RELAY_KEY_FILE="missing", OPENAI_API_KEY="sk-a")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (Exit.UNUSABLE, "", 1)
    assert "RELAY_KEY_FILE='missing' is invalid" in done.stderr


@pytest.mark.parametrize("command", [["check", "--only", "D"], ["diff", "GET", "/v1/models"]], ids=" ".join)
def test_what_was_found_is_code_one(command: list[str], tmp_path: Path) -> None:
    with relay_over("sandbox:", relay_key="another") as root, relay_over("sandbox:") as upstream:
        given = {"OPENAI_API_KEY": RELAY_KEY, "OPENAI_API_BASE": upstream}
        done = run_relay(*command, "--base-url", root, "--key", "wrong", directory=tmp_path, **given)
    assert (done.returncode, done.stderr) == (Exit.FOUND, "")
    assert "Invalid relay key" in done.stdout


@pytest.mark.parametrize(
    "command", [["routes"], ["routes", "--json"], ["settings"], ["--help"]], ids=" ".join
)
def test_a_reader_that_leaves_ends_it_quietly(command: list[str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "relay", *command],
        cwd=tmp_path,
        env=environment_of({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == Exit.FOUND


@pytest.mark.parametrize(
    "command",
    [["--help"], ["check", "--help"], ["routes"], ["settings"], ["completion", "bash"], ["doctor"]],
    ids=" ".join,
)
def test_a_locale_without_utf_8_is_written_to(command: list[str], tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run_relay(*command, directory=tmp_path, OPENAI_API_BASE="sandbox:", RELAY_PORT="0", **plain)
    assert (done.returncode, done.stderr) == (Exit.DONE, "")
    assert done.stdout.isascii()


def test_no_colour_where_nobody_sees_it(tmp_path: Path) -> None:
    for command in (["--help"], ["settings"], ["routes"]):
        assert "\x1b" not in run_relay(*command, directory=tmp_path, GITHUB_ACTIONS="true").stdout


def test_help_and_settings_load_no_server_and_no_client(tmp_path: Path) -> None:
    heavy = {"uvicorn", "httpx", "connexion", "generated.models", "aiohttp"}
    program = (
        "import sys; from relay.commands import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print(sorted({heavy} & sys.modules.keys()), 'rich' in sys.modules, file=sys.stderr)"
    )
    for arguments, shows in ((["--help"], True), (["settings", "--json"], False), (["--version"], False)):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=tmp_path,
            env=environment_of({}),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == f"[] {shows}\n"


def test_an_interrupted_command_is_code_130(tmp_path: Path) -> None:
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "import os, relay.setting_table as table\n"
    program += f"table.describe = lambda _settings: os.kill(os.getpid(), {signal.SIGINT:d})\n"
    program += "from relay.commands import main; main(['settings'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment_of({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (Exit.INTERRUPTED, "", "interrupted")
