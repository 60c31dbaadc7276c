"""The environment and, under it, `.env`: where settings come from."""

import os
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from relay.setting_types import SettingsError


def check_env_file(file: str | None) -> None:
    """Raise SettingsError for a line of `file` that would be passed over: it may be the one with the key."""
    if file is None or not Path(file).is_file():
        return
    try:
        with Path(file).open(encoding="utf-8") as lines:
            wrong = next((binding.original.line for binding in parse_stream(lines) if binding.error), None)
    except UnicodeDecodeError:
        raise SettingsError(f"{file} is invalid: allowed is UTF-8 text") from None
    except OSError as error:
        raise SettingsError(f"{file} is invalid: allowed is a readable file ({error.strerror})") from None
    if wrong is not None:
        raise SettingsError(f"{file}, line {wrong} is invalid: allowed is NAME=value")


def environment(file: str | None) -> dict[str, str | None]:
    """The variables of `file` and, over them, of the environment, by name in upper case."""
    from_file = dotenv_values(file) if file is not None else {}
    return {name.upper(): value for source in (from_file, os.environ) for name, value in source.items()}
