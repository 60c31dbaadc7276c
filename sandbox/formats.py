"""The form of the answer: ``response_format`` of chat completions, ``text.format`` of responses."""

from sandbox import errors, fields
from sandbox.bodies import JsonObject
from sandbox.reply import Format

_TYPES = ("json_object", "json_schema", "text")
_SCHEMA = {"name": fields.STRING, "schema": fields.OBJECT, "strict": fields.BOOLEAN}


def of_chat(body: JsonObject) -> Format:
    """Read ``response_format``; its schema stands under ``json_schema``."""
    given = body.get("response_format")
    if given is None or _type(given, "response_format") != "json_schema":
        return _plain(given, "response_format")
    fields.require(given, ["json_schema"], within="response_format")
    fields.check(given, {"json_schema": fields.OBJECT}, within="response_format")
    return _schema(given["json_schema"], "response_format.json_schema", needed=("name",))


def of_response(body: JsonObject) -> Format:
    """Read ``text.format``; its schema stands beside its ``type``."""
    text = body.get("text") or {}
    fields.check(text, {"format": fields.OBJECT, "verbosity": fields.STRING}, within="text")
    given = text.get("format")
    if given is None or _type(given, "text.format") != "json_schema":
        return _plain(given, "text.format")
    return _schema(given, "text.format", needed=("name", "schema"))


def _type(given: JsonObject, within: str) -> str:
    fields.require(given, ["type"], within=within)
    fields.check(given, {"type": fields.STRING}, within=within)
    if given["type"] not in _TYPES:
        raise errors.unsupported(f"{within}.type", given["type"], _TYPES)
    return str(given["type"])


def _plain(given: JsonObject | None, param: str) -> Format:
    return Format(param, json=given is not None and given["type"] == "json_object")


def _schema(given: JsonObject, within: str, *, needed: tuple[str, ...]) -> Format:
    fields.require(given, needed, within=within)
    fields.check(given, _SCHEMA, within=within)
    return Format(f"{within}.schema", schema=given.get("schema") or {"type": "object"})
