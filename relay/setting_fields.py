"""How a setting is declared, and how one that cannot be used is told of."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

_SHOWN_CHARACTERS = 100


def setting(default: Any, meaning: str, *variables: str, allowed: str = "any text") -> Any:
    """The field of a setting that is read from `variables`, the first one its name, the others aliases."""
    return Field(
        default,
        validation_alias=AliasChoices(*variables),
        description=meaning,
        json_schema_extra={"allowed": allowed},
    )


def variables_of(field: FieldInfo) -> list[str]:
    """The variables that a setting is read from, the first one its name and the others aliases."""
    alias = field.validation_alias
    assert isinstance(alias, AliasChoices)
    return [str(choice) for choice in alias.choices]


def refusal(error: ValidationError, fields: Iterable[FieldInfo], present: Mapping[str, str | None]) -> str:
    """The line for the first of `fields` that cannot be used; `present` are the variables there are."""
    first = error.errors(include_url=False)[0]
    variable = str(first["loc"][0])
    field = next(field for field in fields if variable in variables_of(field))
    extra = field.json_schema_extra
    allowed = extra["allowed"] if isinstance(extra, dict) else "any text"
    # An address may hold a password; a key is one.
    secret = field.annotation == SecretStr | None or "@" in str(first["input"])
    value = "(hidden)" if secret else repr(first["input"])[:_SHOWN_CHARACTERS]
    variables = variables_of(field)
    read_from = next((name for name in variables if present.get(name)), variables[0])
    return f"{read_from}={value} is invalid: allowed is {allowed}"
