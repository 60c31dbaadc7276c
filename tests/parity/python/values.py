"""What the contract's schemas and the client's annotations do not say: values that make a call succeed."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.parity.python.arguments import FILE

_RESPONSE = {"model": "gpt-5.1", "input": "Hello"}
_SKILL = ("SKILL.md", b"---\nname: tides\ndescription: Tells tides.\n---\n", "text/markdown")
_LINE = {"custom_id": "first", "method": "POST", "url": "/v1/responses", "body": _RESPONSE}
_LINES = ("lines.jsonl", json.dumps(_LINE).encode() + b"\n", "application/jsonl")
_FUNCTION = {"type": "function", "function": {"name": "look"}}

# By operation, fields that are laid over the least body; a file among them makes the body a form.
WANTED: dict[str, dict[str, Any]] = {
    "beta_createResponse": _RESPONSE,
    "create-realtime-call": {"sdp": "v=0\r\n"},
    # The relay would fill it in, and the answer tells it.
    "create-realtime-session": {"model": "gpt-realtime"},
    "createBatch": {"endpoint": _LINE["url"]},
    "createChatCompletion": {"store": True},
    "CreateContainerFile": {"file": FILE},
    "createConversationItems": {"items": [{"type": "message", "role": "user", "content": "Hello"}]},
    "createFile": {"purpose": "fine-tune"},
    "createResponse": _RESPONSE,
    "CreateSkill": {"files": _SKILL},
    "CreateSkillVersion": {"files": _SKILL},
    "createUpload": {"bytes": len(FILE[1])},
    "UpdateSkillDefaultVersion": {"default_version": "1"},
}

# Where a body's field is not called like the parameter of the path that its value comes from.
CALLED = {
    "file_ids": "file_id",
    "input_file_id": "file_id",
    "project_ids": "project_id",
    "training_file": "file_id",
}

# Ids of what is made below another object, and that no path of the contract names.
BELOW = {"part_ids": "/v1/uploads/{upload_id}/parts"}

# By the name of a body's field, what the object is made with that the field refers to.
REFERRED: dict[str, dict[str, Any]] = {"input_file_id": {"purpose": "batch", "file": _LINES}}


@dataclass(frozen=True)
class State:
    """The state that an operation wants its object in.

    The object is that of the path's `parameter`, or of its last. It is made in its own collection or in
    `collection`, with `fields`, and retrieved until its status is `until`; its id is the field `named` where
    there is one, and `arguments` come of it besides.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    parameter: str | None = None
    collection: str | None = None
    until: str | None = None
    named: str | None = None
    arguments: Callable[[dict[str, Any]], dict[str, Any]] = lambda _made: {}


def _outputs(run: dict[str, Any]) -> dict[str, Any]:
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    return {"tool_outputs": [{"tool_call_id": call["id"], "output": "Low tide"} for call in calls]}


STATES = {
    "beta_cancelResponse": State({"background": True}),
    "cancelResponse": State({"background": True}),
    "deleteModel": State(collection="/v1/fine_tuning/jobs", until="succeeded", named="fine_tuned_model"),
    "getRunStep": State(parameter="run_id", until="completed"),
    "RetrieveVideoContent": State(until="completed"),
    "submitToolOuputsToRun": State(
        {"tools": [_FUNCTION], "tool_choice": _FUNCTION}, until="requires_action", arguments=_outputs
    ),
}
