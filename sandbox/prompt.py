"""What was asked, read from the two forms in which it comes: chat messages and response input."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox import errors, fields, tokens
from sandbox.bodies import JsonObject

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_GUIDES = ("system", "developer")
# OpenAI charges each message a few tokens of framing as well.
_TOKENS_PER_TURN = 4
_ITEM = {"type": fields.STRING, "role": fields.STRING, "id": fields.STRING}
_STRING_OR_OBJECTS = "one of a string or array of objects"


@dataclass(frozen=True)
class Prompt:
    """The last user text, the last instructions, and how many tokens all of it is."""

    user: str
    guidance: str
    tokens: int


def from_messages(messages: Sequence[JsonObject]) -> Prompt:
    """Read the ``messages`` of a chat completion; one without a known role or with odd content is a 400."""
    return _prompt([_message(message, f"messages[{index}]") for index, message in enumerate(messages)])


def from_input(
    given: str | Sequence[JsonObject] | None, instructions: str | None, before: Sequence[JsonObject] = ()
) -> Prompt:
    """Read the ``input`` of a response, a string or items, its ``instructions``, and the items ``before``."""
    guide = [("system", instructions)] if instructions else []
    guide += [read_item(item, "input") for item in before]
    if isinstance(given, str) or (given is None and not before):
        return _prompt([*guide, ("user", given or "")])
    return _prompt([*guide, *(read_item(item, f"input[{index}]") for index, item in enumerate(given or ()))])


def read_item(item: JsonObject, within: str) -> tuple[str, str]:
    """Return the role and the text of an item; one that tells neither role nor type is a 400."""
    fields.check(item, _ITEM, within=within)
    role, kind = item.get("role"), item.get("type")
    if role is None and kind is None and item.get("id") is None:
        raise errors.missing(f"{within}.role")
    if role is not None:
        return role, _text(item.get("content"), f"{within}.content")
    output = item.get("output") if kind == "function_call_output" else None
    return "tool", _text(output, f"{within}.output")


def _prompt(turns: list[tuple[str, str]]) -> Prompt:
    users = [text for role, text in turns if role == "user"]
    guides = [text for role, text in turns if role in _GUIDES]
    size = sum(tokens.count(text) + _TOKENS_PER_TURN for _, text in turns)
    return Prompt(users[-1] if users else "", guides[-1] if guides else "", size)


def _message(message: JsonObject, within: str) -> tuple[str, str]:
    fields.require(message, ["role"], within=within)
    fields.check(message, {"role": fields.STRING}, within=within)
    role = message["role"]
    if role not in _ROLES:
        raise errors.unsupported(f"{within}.role", role, _ROLES)
    return role, _text(message.get("content"), f"{within}.content")


def _text(content: object, param: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise errors.wrong_type(param, _STRING_OR_OBJECTS, content)
    parts = fields.objects(content, param)
    for index, part in enumerate(parts):
        fields.check(part, {"text": fields.STRING}, within=f"{param}[{index}]")
    return "\n".join(part["text"] for part in parts if part.get("text"))
