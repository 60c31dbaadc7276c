"""The tools a request offers, and the one it forces."""

from dataclasses import dataclass

from sandbox import errors, fields
from sandbox.bodies import JsonObject
from sandbox.errors import ApiError

_CHOICES = ("none", "auto", "required")
_FUNCTION = {"name": fields.STRING, "parameters": fields.OBJECT, "strict": fields.BOOLEAN}


@dataclass(frozen=True)
class Function:
    """A function on offer: its name, the schema of its arguments, and where the request has that schema."""

    name: str
    parameters: JsonObject
    param: str


def forced(body: JsonObject, *, wrapped: bool) -> Function | None:
    """Return the function that ``tool_choice`` forces, if it forces one.

    ``wrapped`` says that a function's details stand under ``function``, as in chat completions, and not
    beside its ``type``, as in responses. Forced is a named function, and by "required" the first function of
    all or of the allowed ones; tools of other types are taken and not used. Tools without what they need, a
    choice that does not exist, and a forced function that is not offered are 400s.
    """
    offered = _functions(fields.objects(body.get("tools") or [], "tools"), wrapped=wrapped)
    choice = body.get("tool_choice")
    if choice is None:
        return None
    if not body.get("tools") and (wrapped or choice == "required"):
        raise _refused("'tool_choice' is only allowed when 'tools' are specified")
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise errors.unsupported("tool_choice", choice, _CHOICES)
        return next(iter(offered.values()), None) if choice == "required" else None
    return _chosen(choice, offered, wrapped=wrapped)


def _chosen(choice: JsonObject, offered: dict[str, Function], *, wrapped: bool) -> Function | None:
    _typed(choice, "tool_choice")
    if choice["type"] == "function":
        return _offered(_name(choice, "tool_choice", wrapped=wrapped), offered)
    if choice["type"] != "allowed_tools":
        return None
    within = "tool_choice.allowed_tools" if wrapped else "tool_choice"
    allowed = _details(choice, "tool_choice", "allowed_tools", wrapped=wrapped)
    fields.check(allowed, {"mode": fields.STRING, "tools": fields.ARRAY}, within=within)
    if allowed.get("mode") != "required":
        return None
    for index, tool in enumerate(fields.objects(allowed.get("tools") or [], f"{within}.tools")):
        if tool.get("type") == "function":
            return _offered(_name(tool, f"{within}.tools[{index}]", wrapped=wrapped), offered)
    return None


def _functions(offered: list[JsonObject], *, wrapped: bool) -> dict[str, Function]:
    found: dict[str, Function] = {}
    for index, tool in enumerate(offered):
        within = f"tools[{index}]"
        _typed(tool, within)
        if tool["type"] == "function":
            name = _name(tool, within, wrapped=wrapped)
            details = _details(tool, within, "function", wrapped=wrapped)
            param = f"{within}.function.parameters" if wrapped else f"{within}.parameters"
            found.setdefault(name, Function(name, details.get("parameters") or {"type": "object"}, param))
    return found


def _typed(tool: JsonObject, within: str) -> None:
    fields.require(tool, ["type"], within=within)
    fields.check(tool, {"type": fields.STRING}, within=within)


def _name(tool: JsonObject, within: str, *, wrapped: bool) -> str:
    details = _details(tool, within, "function", wrapped=wrapped)
    within = f"{within}.function" if wrapped else within
    fields.require(details, ["name"], within=within)
    fields.check(details, _FUNCTION, within=within)
    return str(details["name"])


def _details(tool: JsonObject, within: str, key: str, *, wrapped: bool) -> JsonObject:
    if not wrapped:
        return tool
    fields.require(tool, [key], within=within)
    fields.check(tool, {key: fields.OBJECT}, within=within)
    details: JsonObject = tool[key]
    return details


def _offered(name: str, offered: dict[str, Function]) -> Function:
    if name not in offered:
        raise _refused("the function it names is not among 'tools'")
    return offered[name]


def _refused(reason: str) -> ApiError:
    return ApiError(400, f"Invalid value for 'tool_choice': {reason}.", param="tool_choice")
