import json
from pathlib import Path

import pytest

from relay.setting_table import describe
from relay.settings import Settings, load_settings
from tests.relay.test_settings import CANARY, VARIABLES
from tests.servers import run_relay


def test_secrets_are_masked_wherever_settings_are_shown(tmp_path: Path) -> None:
    loaded = load_settings(openai_api_key=CANARY, relay_key=f"{CANARY},b")
    for shown in (repr(loaded), str(loaded), loaded.model_dump_json(), str(describe(loaded))):
        assert CANARY not in shown
    done = run_relay("settings", directory=tmp_path, OPENAI_API_KEY=CANARY, CHATGPT_ACTIONS_SECRET=CANARY)
    assert done.returncode == 0
    assert CANARY not in done.stdout + done.stderr
    assert done.stdout.count(" ********** ") == 2


def test_the_command_lists_every_setting(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RELAY_NAME=from-dot-env\n")
    done = run_relay("settings", directory=tmp_path)
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["variable", "now", "default", "meaning"]
    assert all(name in done.stdout for _, name in VARIABLES)
    [named] = [row for row in rows if row.startswith("RELAY_NAME ")]
    assert named.split()[1:3] == ["from-dot-env", "chatgpt-team-relay"]
    assert len(rows) == len(Settings.model_fields)


def test_they_are_had_as_json_too_and_masked(tmp_path: Path) -> None:
    done = run_relay("settings", "--json", directory=tmp_path, RELAY_KEY=CANARY, RELAY_NAME="a")
    rows = {row["variable"]: row for row in json.loads(done.stdout)}
    assert len(rows) == len(Settings.model_fields)
    assert (rows["RELAY_NAME"]["value"], rows["RELAY_KEY"]["value"]) == ("a", "*" * 10)


@pytest.mark.parametrize("columns", [30, 80, 132])
def test_the_table_is_as_wide_as_it_may_be_and_loses_nothing(tmp_path: Path, columns: int) -> None:
    done = run_relay("settings", directory=tmp_path, COLUMNS=str(columns))
    assert max(map(len, done.stdout.splitlines())) <= columns
    letters = "".join(done.stdout.split())
    wide = "".join(run_relay("settings", directory=tmp_path).stdout.split())
    assert sorted(letters) == sorted(wide)


@pytest.mark.parametrize("command", ["serve", "settings"])
@pytest.mark.parametrize(("variable", "value"), [("RELAY_PORT", "high"), ("RELAY_AUTH_ENABLED", "true")])
def test_commands_end_with_one_line_and_code_two(
    command: str, variable: str, value: str, tmp_path: Path
) -> None:
    done = run_relay(command, directory=tmp_path, **{variable: value})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"relay: {variable}='{value}' is invalid")
    assert len(done.stderr.splitlines()) == 1
