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
    assert done.stdout.count("now **********") == 2


def test_the_command_lists_every_setting(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RELAY_NAME=from-dot-env\n")
    done = run_relay("settings", directory=tmp_path)
    assert all(name in done.stdout for _, name in VARIABLES)
    assert "default chatgpt-team-relay, now from-dot-env" in done.stdout
    assert done.stdout.count("    default ") == len(Settings.model_fields)


@pytest.mark.parametrize("command", ["serve", "settings"])
@pytest.mark.parametrize(("variable", "value"), [("RELAY_PORT", "high"), ("RELAY_AUTH_ENABLED", "true")])
def test_commands_end_with_one_line_and_code_two(
    command: str, variable: str, value: str, tmp_path: Path
) -> None:
    done = run_relay(command, directory=tmp_path, **{variable: value})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"relay: {variable}='{value}' is invalid")
    assert len(done.stderr.splitlines()) == 1
