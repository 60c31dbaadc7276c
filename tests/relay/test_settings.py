import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, SecretStr

from relay.app import create_app
from relay.setting_types import SettingsError
from relay.settings import Settings, is_loopback, load_settings
from tests.relay.setting_values import CASES, REFUSED
from tests.servers import running_relay

CANARY = "sk-canary-Zq9"


def names(field: str) -> list[str]:
    alias = Settings.model_fields[field].validation_alias
    assert isinstance(alias, AliasChoices)
    return [str(choice) for choice in alias.choices]


VARIABLES = [(field, name) for field in Settings.model_fields for name in names(field)]


def plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def refusal(**overrides: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        create_app(load_settings(**overrides))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_every_setting_has_a_case_here() -> None:
    assert set(CASES) == set(Settings.model_fields)
    assert set(REFUSED) <= set(CASES)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_default_of_each_setting(field: str) -> None:
    assert getattr(load_settings(), field) == CASES[field][0]


@pytest.mark.parametrize(("field", "variable"), VARIABLES)
def test_each_variable_and_alias_is_read(field: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text, meant = CASES[field]
    monkeypatch.setenv(variable, text)
    assert plain(getattr(load_settings(), field)) == plain(meant)


@pytest.mark.parametrize(("field", "variable"), VARIABLES)
def test_an_empty_variable_is_ignored(field: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "")
    # Blocking nothing has to be said, and this is how.
    assert getattr(load_settings(), field) == ([] if field == "relay_blocked_operations" else CASES[field][0])


def test_settings_given_by_name_win_over_every_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://environment")
    assert load_settings(openai_api_base="sandbox:").uses_sandbox


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://h", "http://h/v1"),
        ("http://h/", "http://h/v1"),
        ("http://h/v1", "http://h/v1"),
        ("http://h/v1/", "http://h/v1"),
        ("https://h:8443/openai", "https://h:8443/openai/v1"),
        ("http://[::1]:9/v1//", "http://[::1]:9/v1"),
        ("sandbox:", "sandbox:"),
    ],
)
def test_upstream_may_come_without_v1_and_with_a_slash(text: str, meant: str) -> None:
    assert load_settings(openai_api_base=text).openai_api_base == meant


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_env_file_is_read_and_the_environment_wins(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_text("# ours\nRELAY_KEY=from-file\nRELAY_PORT=1\nRELAY_NAME='two words'\nAPP_MODE=\n")
    monkeypatch.setenv("RELAY_AUTH_TOKEN", "from-environment")
    read = load_settings()
    assert (read.relay_port, read.relay_name, read.app_mode) == (1, "two words", "development")
    assert plain(read.relay_key) == "from-environment"


def test_env_file_that_cannot_be_used_is_one_line(env_file: Path) -> None:
    env_file.write_bytes(b"RELAY_NAME=\xff")
    assert refusal() == ".env is invalid: allowed is UTF-8 text"
    env_file.write_text("RELAY_PORT=high\n")
    assert refusal().startswith("RELAY_PORT='high' is invalid")
    env_file.write_text("PROXY_TIMEOUT=ten\n")
    assert "PROXY_TIMEOUT" in refusal()
    env_file.write_text('OPENAI_API_KEY=sk-1\nRELAY_KEY "a key without an equals sign"\n')
    assert refusal() == ".env, line 2 is invalid: allowed is NAME=value"


@pytest.mark.parametrize(
    ("field", "text"),
    [(field, text) for field, texts in REFUSED.items() for text in texts],
    ids=lambda text: text[:20],
)
def test_an_invalid_value_is_refused_by_name(field: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = names(field)[0]
    monkeypatch.setenv(variable, text)
    message = refusal()
    assert message.startswith(variable)
    assert repr(text)[:20] in message or text.startswith("[")
    assert "allowed is " in message


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "PROXY_TIMEOUT"])
def test_the_refusal_names_the_alias_that_was_set(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "bad")
    assert variable in refusal()


@pytest.mark.parametrize(
    "field",
    ["openai_organization", "openai_project", "openai_assistants_beta", "openai_realtime_beta"],
)
def test_the_refusal_of_a_header_value_says_what_is_allowed(field: str) -> None:
    assert "allowed is any text" not in refusal(**{field: "\u00e9"})


@pytest.mark.parametrize("key", [f"{CANARY} x", f"{CANARY}\u00e9", f"{CANARY}\nx"])
def test_a_key_that_cannot_be_used_is_not_repeated(key: str, tmp_path: Path) -> None:
    assert CANARY not in refusal(openai_api_key=key)
    (tmp_path / "key").write_text(key)
    assert CANARY not in refusal(openai_api_key_file=tmp_path / "key")


def test_a_password_in_the_upstream_address_is_not_repeated() -> None:
    message = refusal(openai_api_base=f"https://me:{CANARY}@h/v1")
    assert message.startswith("OPENAI_API_BASE")
    assert CANARY not in message


@pytest.mark.parametrize("key", [",", " ", " , \t,"])
def test_a_relay_key_without_a_key_in_it_is_refused(key: str) -> None:
    assert refusal(relay_key=key).startswith("RELAY_KEY=(hidden) is invalid")


def test_auth_without_a_key_is_refused() -> None:
    assert refusal(relay_auth_enabled=True).startswith("RELAY_AUTH_ENABLED='true' is invalid without a key")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "relay.example", "127.0.0.1.example"])  # noqa: S104
@pytest.mark.parametrize("source", ["openai_api_key", "openai_api_key_file"])
def test_a_real_key_behind_an_open_door_is_refused(host: str, source: str, tmp_path: Path) -> None:
    (tmp_path / "sk-x").write_text("sk-x")
    given: dict[str, Any] = {source: str(tmp_path / "sk-x") if "file" in source else "sk-x"}
    message = refusal(relay_host=host, **given)
    assert message.startswith(f"RELAY_HOST={host!r} would open the real key")
    assert "RELAY_AUTH_ENABLED=false" in message
    assert not load_settings(relay_host=host, relay_auth_enabled=False, **given).auth_enabled
    assert load_settings(relay_host=host, relay_key="k", **given).auth_enabled
    assert load_settings(relay_host=host, openai_api_base="sandbox:", **given).uses_sandbox


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_a_real_key_on_loopback_needs_no_relay_key(host: str) -> None:
    assert is_loopback(host)
    assert not load_settings(relay_host=host, openai_api_key="sk-x").auth_enabled


def test_every_origin_with_credentials_is_refused() -> None:
    for origins in ("*", "https://a.example, *", '["*"]'):
        message = refusal(cors_allow_origins=origins, cors_allow_credentials=True)
        assert message.startswith("CORS_ALLOW_CREDENTIALS='true' is invalid together with CORS_ALLOW_ORIGINS")
    assert load_settings(cors_allow_origins="https://a.example", cors_allow_credentials=True)


def test_workers_share_no_embedded_sandbox() -> None:
    message = refusal(relay_workers=2, openai_api_base="sandbox:")
    assert message.startswith("RELAY_WORKERS='2' is invalid together with OPENAI_API_BASE='sandbox:'")
    assert "`relay sandbox`" in message
    assert load_settings(relay_workers=2, openai_api_base="http://h").relay_workers == 2


def test_an_unknown_log_level_is_info_with_a_warning(tmp_path: Path) -> None:
    assert load_settings(log_level="loud").effective_log_level == "info"
    with running_relay("serve", "--sandbox", "--port", "0", directory=tmp_path, LOG_LEVEL="loud") as running:
        assert running.root
    warned = [line for line in running.lines if "warning" in line]
    assert len(warned) == 1
    assert "LOG_LEVEL" in warned[0]
    assert "loud" in warned[0]


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.text(
    "[]\",'*:/?#@1.e-"
)


def attempt() -> Settings | str:
    try:
        return load_settings()
    except SettingsError as error:
        return str(error)


@pytest.mark.parametrize("variable", [variable for _, variable in VARIABLES])
@settings(max_examples=25, deadline=None)
@given(text=TEXTS)
def test_any_text_gives_settings_or_one_line(variable: str, text: str) -> None:
    with mock.patch.dict(os.environ, {variable: text}):
        result = attempt()
    assert isinstance(result, Settings) or len(result.splitlines()) == 1
