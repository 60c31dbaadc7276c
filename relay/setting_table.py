"""The table that `relay settings` prints."""

from typing import Any

from relay.setting_fields import variables_of
from relay.settings import Settings


def describe(settings: Settings) -> list[dict[str, str]]:
    """Rows of `relay settings`: variable, meaning, default and value, all text, secrets masked."""
    return [
        {
            "variable": variables_of(field)[0],
            "aliases": ", ".join(variables_of(field)[1:]),
            "meaning": field.description or "",
            "default": _shown(field.default),
            "value": _shown(getattr(settings, name)),
        }
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
