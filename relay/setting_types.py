"""What the value of a setting may be: readers and checks for text that comes from the environment."""

import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

SANDBOX = "sandbox:"
_GLOB_PART = r"(?:[A-Za-z0-9_.:{}*?~-]|\[!?[A-Za-z0-9_.-]+\])+"
VISIBLE = "visible ASCII characters, spaces only between them"


class SettingsError(Exception):
    """A setting that cannot be used; the message is one line naming variable, value and what is allowed."""


def _api_base(value: str) -> str:
    if value == SANDBOX:
        return value
    base = _address(value)
    return base if base.endswith("/v1") else f"{base}/v1"


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.port == 0:
        raise ValueError
    if not re.fullmatch(r"https://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*/?", value):
        raise ValueError
    return value.rstrip("/")


def _address(value: str) -> str:
    parts = urlsplit(value)
    # Reading the port is what checks it.
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError
    parts.hostname.encode("idna")  # raises for labels that no resolver takes
    if "@" in parts.netloc or not re.fullmatch(r"[!-~]+", value) or "?" in value or "#" in value:
        raise ValueError
    return value.rstrip("/")


def _listing(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except RecursionError:
            raise ValueError from None
    return [item.strip() for item in value.split(",") if item.strip()]


def _glob(value: str) -> str:
    # A glob with a slash too few or too many would match nothing, and block nothing.
    if not re.fullmatch(rf"(?=[/*]|[^/]*$)/?{_GLOB_PART}(/{_GLOB_PART})*", value):
        raise ValueError
    below = re.sub("(?i)^/v1(?=/|$)", "", value)
    if not below:
        raise ValueError
    return below


def lower(value: Any) -> Any:
    """`value` without surrounding white space and in lower case, where it is text."""
    return value.strip().lower() if isinstance(value, str) else value


def _header_value(value: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", value):
        raise ValueError
    return value


def _text(value: str) -> str:
    value.encode()  # an undecodable byte of the environment is half a surrogate pair here
    return value


ApiBase = Annotated[str, AfterValidator(_api_base)]
Collector = Annotated[str, AfterValidator(_address)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Globs = Annotated[list[Annotated[str, AfterValidator(_glob)]], NoDecode, BeforeValidator(_listing)]
Names = Annotated[list[HeaderValue], NoDecode, BeforeValidator(_listing)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Wait = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Silence = Annotated[float, Field(gt=0, le=3_600, allow_inf_nan=False)]
Mebibytes = Annotated[int, Field(ge=1, le=1_048_576)]
MessageMebibytes = Annotated[int, Field(ge=1, le=1_024)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Workers = Annotated[int, Field(ge=1, le=256)]
Text = Annotated[str, AfterValidator(_text)]
