"""What a call of the client came to: everything it returned or raised, as plain data that can be compared."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import openai
from openai import APIResponse, AsyncAPIResponse, OpenAIError
from openai._legacy_response import HttpxBinaryResponseContent, LegacyAPIResponse
from pydantic import BaseModel

_PLAIN = (str, bytes, int, float, bool, type(None), dict, list, tuple)


@dataclass(frozen=True)
class Outcome:
    """The result as plain data, or the error; `foreign` is an exception that is none of the client's own."""

    result: Any = None
    error: Any = None
    foreign: Exception | None = field(default=None, compare=False)


async def settle(call: Callable[[], Any]) -> Outcome:
    """Make a call and read all that it gives; whatever it raises is an outcome."""
    try:
        return Outcome(result=await _read(call()))
    except OpenAIError as error:
        return Outcome(error=_plain_error(error))
    except Exception as error:  # noqa: BLE001 - the other side must be asked as well before the test fails
        return Outcome(foreign=error)


async def _read(value: Any) -> Any:
    if inspect.isawaitable(value):
        value = await value
    if isinstance(value, LegacyAPIResponse | APIResponse | AsyncAPIResponse):
        return value.status_code, value.http_version, await _content(value)
    if isinstance(value, BaseModel):
        return type(value).__name__, value.model_dump(warnings=False)
    if is_dataclass(value):
        return type(value).__name__, [await _read(getattr(value, one.name)) for one in fields(value)]
    if isinstance(value, list | tuple):
        return [await _read(item) for item in value]
    return value if isinstance(value, _PLAIN) else await _drained(value)


async def _content(response: LegacyAPIResponse[Any] | APIResponse[Any] | AsyncAPIResponse[Any]) -> Any:
    """What a raw response parses to; of one that is streamed, its bytes as they come."""
    if isinstance(response, LegacyAPIResponse):
        return await _read(response.parse())
    if isinstance(response, APIResponse):
        return b"".join(response.iter_bytes())
    return b"".join([part async for part in response.iter_bytes()])


async def _drained(value: Any) -> Any:
    """A file's bytes, a raw response, or every event of a stream; the latter two are entered first."""
    if isinstance(value, HttpxBinaryResponseContent):
        return value.content
    if hasattr(value, "__aenter__"):
        async with value as entered:
            raw = isinstance(entered, AsyncAPIResponse)
            return await _read(entered) if raw else [await _read(event) async for event in entered]
    with value as entered:
        raw = isinstance(entered, APIResponse)
        return await _read(entered) if raw else [await _read(event) for event in entered]


def _plain_error(error: OpenAIError) -> Any:
    known: tuple[Any, ...] = (type(error).__name__, str(error))
    if isinstance(error, openai.APIError):
        known += (error.code, error.param, error.type, error.body)
    if isinstance(error, openai.APIStatusError):
        known += (error.status_code, error.request_id)
    return known
