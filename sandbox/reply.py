"""What the model says: a function call where one is forced, else a text."""

import json
import re
import textwrap
from dataclasses import dataclass, replace

from starlette.datastructures import Headers

from sandbox import tokens
from sandbox.bodies import JsonObject, parse_object
from sandbox.errors import ApiError
from sandbox.instance import minimal
from sandbox.prompt import Prompt
from sandbox.tools import Function

REPLY_HEADER = "x-sandbox-reply"

_EXACTLY = re.compile(r"\b(?:return|say)\s+exactly\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)
_QUOTED_CHARACTERS = 80


@dataclass(frozen=True)
class Format:
    """The form an answer was asked to take: any text, any JSON object, or an instance of ``schema``.

    ``param`` is where the request says so.
    """

    param: str = ""
    json: bool = False
    schema: JsonObject | None = None


@dataclass(frozen=True)
class Reply:
    """A text, or a call of ``function`` with its arguments as JSON; ``truncated`` where a limit cut it."""

    text: str
    function: str | None = None
    truncated: bool = False

    @property
    def tokens(self) -> int:
        """How many tokens the text or the arguments are."""
        return tokens.count(self.text)

    def limited(self, limit: int | None) -> "Reply":
        """Return the reply cut to ``limit`` tokens."""
        text = tokens.head(self.text, limit)
        return replace(self, text=text, truncated=text != self.text)

    def until(self, stops: list[str]) -> "Reply":
        """Return the text up to the first of the stop sequences; the arguments of a call are left alone."""
        ends = [self.text.find(stop) for stop in stops if stop and stop in self.text]
        return self if self.function or not ends else replace(self, text=self.text[: min(ends)])


def decide(prompt: Prompt, headers: Headers, function: Function | None, form: Format) -> Reply:
    """Return what is said, whole.

    A forced function is called with the smallest arguments its schema takes. Else the header
    ``x-sandbox-reply`` (UTF-8) is the text, whatever form was asked for. Else a JSON schema is met by its
    smallest instance, and a JSON object is made of the text unless that is one. The text is X where the last
    user text, or failing that the instructions, ask to "Return exactly: X" or "Say exactly: X", X being all
    that follows; otherwise a sentence that quotes the last user text.
    """
    if function is not None:
        return Reply(_json(minimal(function.parameters, function.param)), function.name)
    told = headers.get(REPLY_HEADER)
    if told is not None:
        return Reply(told.encode("latin-1").decode(errors="replace"))
    if form.schema is not None:
        return Reply(_json(minimal(form.schema, form.param)))
    text = _exactly(prompt.user) or _exactly(prompt.guidance) or _sentence(prompt)
    return Reply(_object(text) if form.json else text)


def _exactly(text: str) -> str | None:
    match = _EXACTLY.search(text)
    return match.group(1).strip() if match else None


def _sentence(prompt: Prompt) -> str:
    # Cut first: shortening looks at every word, and a text may be the whole of 64 MiB.
    heard = (prompt.user or prompt.guidance)[: 4 * _QUOTED_CHARACTERS]
    quoted = textwrap.shorten(heard, _QUOTED_CHARACTERS, placeholder="…")
    return f"The sandbox heard “{quoted}” and has nothing to add." if quoted else "The sandbox heard nothing."


def _object(text: str) -> str:
    try:
        parse_object(text.encode())
    except ApiError:
        return _json({"reply": text})
    return text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
