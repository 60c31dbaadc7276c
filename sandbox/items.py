"""Items of responses and conversations: what a request says in short, written out."""

import re
from collections.abc import Iterator
from functools import cache

from sandbox import errors, fields
from sandbox.bodies import JsonObject
from sandbox.contract import target
from sandbox.errors import ApiError
from sandbox.ids import Ids
from sandbox.prompt import read_item
from sandbox.render import flattened, valid

LENGTH = 48

_PREFIXES = {
    "apply_patch_call": "apc_",
    "apply_patch_call_output": "apco_",
    "code_interpreter_call": "ci_",
    "compaction": "cmp_",
    "computer_call": "cu_",
    "computer_call_output": "cuo_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "file_search_call": "fs_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "image_generation_call": "ig_",
    "local_shell_call": "lsh_",
    "local_shell_call_output": "lsho_",
    "mcp_approval_request": "mcpr_",
    "mcp_approval_response": "mcprr_",
    "mcp_call": "mcp_",
    "mcp_list_tools": "mcpl_",
    "message": "msg_",
    "reasoning": "rs_",
    "shell_call": "sh_",
    "shell_call_output": "sho_",
    "web_search_call": "ws_",
}
_OTHER = "item_"
_ID = re.compile(r"\w[\w-]*", re.ASCII)


def written_out(given: str | list[JsonObject] | None, owner: str) -> list[JsonObject]:
    """Return the items of an input, each with type, id and status; a string is one message of the user.

    ``owner`` is the id of what the items are part of, and theirs follow from it where they have none. What
    only refers to an item, or is of a type that the contract does not know, is left out.
    """
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    numbered = enumerate(fields.objects(list(given or []), "input"))
    return [
        _whole(item, Ids(f"{owner}/{index}", b"")) for index, item in numbered if kind_of(item) in kinds()
    ]


def kind_of(item: JsonObject) -> str:
    """Return an item's type: "message" where it has a role and does not say, empty where nothing tells."""
    return str(item.get("type") or ("message" if item.get("role") else ""))


@cache
def kinds() -> tuple[str, ...]:
    """Return the types of items that the contract knows."""
    options = flattened(target("#/components/schemas/ConversationItem"))["oneOf"]
    return tuple(sorted({word for option in options for word in _words(flattened(option))}))


def check(item: JsonObject, within: str) -> None:
    """Refuse an item that is of no type, or not what the contract says of its type; its id may be missing."""
    kind = kind_of(item)
    if not kind:
        raise errors.missing(f"{within}.type")
    if kind not in kinds():
        raise errors.unsupported(f"{within}.type", kind, kinds())
    said = {"id": "item", "type": kind} | {name: value for name, value in item.items() if value is not None}
    forms = _forms(kind)
    fields.require(said, flattened(forms[0]).get("required", []), within=within)
    read_item(item, within)
    if not _ID.fullmatch(said["id"]):
        message = f"Invalid '{within}.id': expected letters, digits, dashes and underscores."
        raise ApiError(400, message, param=f"{within}.id", code="invalid_value")
    if not any(valid(form, said) for form in forms):
        message = f"Invalid value for '{within}': no item of type '{kind}'."
        raise ApiError(400, message, param=within, code="invalid_value")


@cache
def _forms(kind: str) -> list[JsonObject]:
    """The schemas of what a request may say as an item of a type."""
    forms = _options(target("#/components/schemas/InputItem"))
    return [form for form in forms if kind in _words(flattened(form))]


def _options(schema: JsonObject) -> Iterator[JsonObject]:
    if options := flattened(schema).get("oneOf"):
        for option in options:
            yield from _options(option)
    else:
        yield schema


def _words(option: JsonObject) -> list[str]:
    known = flattened(option["properties"]["type"])
    words: list[str] = known.get("enum") or [known.get("const")]
    return words


def _whole(item: JsonObject, ids: Ids) -> JsonObject:
    kind = kind_of(item)
    said = {name: value for name, value in item.items() if value is not None}
    given = said.get("id")
    name = given if isinstance(given, str) else ids.made(_PREFIXES.get(kind, _OTHER), LENGTH)
    whole = {"status": "completed", **said, "id": name, "type": kind}
    return whole | {"content": _content(item)} if kind == "message" else whole


def _content(message: JsonObject) -> object:
    content = message.get("content")
    if not isinstance(content, str):
        return content or []
    if message.get("role") == "assistant":
        return [{"type": "output_text", "text": content, "annotations": [], "logprobs": []}]
    return [{"type": "input_text", "text": content}]
