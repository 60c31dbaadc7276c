"""The OpenAPI document of a group, as the import of GPT Actions takes it."""

import re
from functools import partial

from codegen.actions import limits
from codegen.actions.flat import DEPTH, flat
from codegen.actions.groups import Actions, Group, door_of, read
from codegen.contract import Contract, Document, Route
from codegen.doors import STREAMING
from codegen.tables import version

# The runtime puts the address of the relay that serves the document in its place.
SERVER = "https://relay.example"
FILES = "openaiFileResponse"
_ROOM = 4_000  # characters, for that address, and for YAML, which is a little longer than JSON
_JSON = "application/json"
_PRIMITIVES = frozenset({"string", "number", "integer", "boolean"})
_NOTHING = {"type": "object", "properties": {}}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")


def documents(contract: Contract) -> dict[str, Document]:
    """The document of each group by its name; raises CodegenError where one breaks a limit of the import."""
    actions = read(contract)
    return {group.name: document(contract, actions, group) for group in actions.groups}


def document(contract: Contract, actions: Actions, group: Group) -> Document:
    """The document of `group`; raises CodegenError.

    Bodies are told in their depth as far as that fits: the longest operation loses a level first.
    """
    compiler = _Compiler(contract, actions)
    depths = dict.fromkeys(group.operations, DEPTH)
    made = compiler.document(group, depths)
    while limits.length(made) > limits.CHARACTERS - _ROOM and (deep := {n for n in depths if depths[n] > 1}):
        longest = max(sorted(deep), key=lambda name: limits.length(compiler.operation(name, depths[name])))
        depths[longest] -= 1
        made = compiler.document(group, depths)
    limits.check(made, f"generated/actions/{group.name}.json")
    return made


def operation_name(operation_id: str) -> str:
    """The operation's id as ChatGPT takes it, and a function's name: letters, digits and underscores."""
    first, *rest = re.split(r"[^A-Za-z0-9_]+", operation_id)
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


class _Compiler:
    def __init__(self, contract: Contract, actions: Actions) -> None:
        self._contract = contract
        self._actions = actions
        self._doors = {name: door_of(contract, name) for name in actions.words}
        self._flat = partial(flat, components=contract.document["components"]["schemas"])
        self._made: dict[tuple[str, int], Document] = {}

    def document(self, group: Group, depths: dict[str, int]) -> Document:
        paths: Document = {}
        for name, depth in depths.items():
            door = self._doors[name]
            paths.setdefault(door.path, {})[door.method] = self.operation(name, depth)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": group.title,
                "description": group.description,
                "version": version(self._contract.lock),
            },
            "servers": [{"url": SERVER}],
            "security": [{"RelayKey": []}],
            "paths": paths,
            "components": {
                # ChatGPT refuses components without them.
                "schemas": {},
                "securitySchemes": {"RelayKey": {"type": "apiKey", "in": "header", "name": "X-Relay-Key"}},
            },
        }

    def operation(self, name: str, depth: int) -> Document:
        if (name, depth) not in self._made:
            self._made[name, depth] = self._operation(name, self._doors[name], depth)
        return self._made[name, depth]

    def _operation(self, name: str, door: Route, depth: int) -> Document:
        made: Document = {
            "operationId": operation_name(name),
            "summary": self._actions.words[name],
            "x-openai-isConsequential": door.method != "get" and name not in self._actions.harmless,
        }
        if parameters := self.parameters(name, door):
            made["parameters"] = parameters
        body = door.operation.get("requestBody")
        if body is not None and (schema := self.body(name, body["content"][_JSON]["schema"], depth)):
            required = body.get("required", False) or "required" in schema
            made["requestBody"] = {"required": required, "content": {_JSON: {"schema": schema}}}
        return {**made, "responses": {"200": self.answer(door)}}

    def parameters(self, name: str, door: Route) -> list[Document]:
        made = []
        for parameter in door.operation["parameters"]:
            schema = self._flat(parameter["schema"], depth=1)
            if parameter["in"] == "path" or _is_writable(parameter, schema):
                made.append({**self.described(name, parameter), "schema": schema})
        return made

    def described(self, name: str, parameter: Document) -> Document:
        made = {"name": parameter["name"], "in": parameter["in"]}
        if words := self._actions.field_words(name, parameter["name"]):
            made["description"] = words
        return {**made, "required": parameter.get("required", False)}

    def body(self, name: str, schema: Document, depth: int) -> Document:
        """The body's schema; empty for a body that holds nothing."""
        fields = [key.rpartition(".")[2] for key in self._actions.objects if key.startswith(f"{name}.")]
        made: Document = self._flat(schema, depth=depth, objects=fields)
        if made == _NOTHING:
            return {}
        for field, part in made.get("properties", {}).items():
            if words := self._actions.field_words(name, field):
                part["description"] = words
        return made

    def answer(self, door: Route) -> Document:
        """The successful answer: its fields by their types, and files as ChatGPT takes them."""
        schema: Document = self._flat(_answer_schema(door), depth=1)
        listed = schema.get("properties", {})
        if FILES in listed or any(_door(door).get("encoded", ())):
            listed[FILES] = _files(self._actions.fields.get(FILES))
        return {"description": _what_is(door, listed), "content": {_JSON: {"schema": schema}}}


def _door(route: Route) -> Document:
    """What `codegen.doors` says of the door; nothing for an operation that is its own."""
    return route.relay.get("door") or {}


def _what_is(door: Route, listed: Document) -> str:
    if listed.keys() == {FILES}:
        return "The files."
    if door.method == "delete":
        return "Whether it was deleted."
    return "A page of the list." if door.method == "get" and "data" in listed else "The result."


def _is_writable(parameter: Document, schema: Document) -> bool:
    """Whether a model can write a parameter of the query: of a plain name, and no object."""
    name = parameter["name"]
    if parameter["in"] != "query" or name in STREAMING or not _PLAIN_NAME.fullmatch(name):
        return False
    return schema.get("items", schema)["type"] in _PRIMITIVES


def _answers(door: Route) -> list[Document]:
    """The contents of the successful answers, by media type."""
    answers = sorted(door.operation.get("responses", {}).items())
    return [answer.get("content", {}) for code, answer in answers if code.startswith("2")]


def _answer_schema(door: Route) -> Document:
    schemas = [content[_JSON].get("schema", {}) for content in _answers(door) if _JSON in content]
    return schemas[0] if schemas else {}


def _files(words: str | None) -> Document:
    fields = {name: {"type": "string"} for name in ("name", "mime_type", "content")}
    items: Document = {"type": "object", "properties": fields}
    return {"type": "array", "items": items} | ({"description": words} if words else {})
