"""Calls any operation of the contract with the least that it takes, having made first what its path names."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.instance import minimal
from tests.surface.contract import DOCUMENT, UPSTREAM, Described, errors

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000100"
    "05fe02fea7d6059b0000000049454e44ae426082"
)
_POLLS = 10


@dataclass(frozen=True)
class Driver:
    """Calls operations through `client`, whose base address ends with /v1.

    `fields` and `paths` say by operation what the least of a body or a path cannot know; the field `content`
    is what a form's file holds.
    """

    client: httpx.Client
    fields: Mapping[str, "Callable[[Driver, str], dict[str, Any]]"]
    paths: Mapping[str, "Callable[[Driver], str]"]

    def call(
        self, operation_id: str, media_type: str | None = None, query: str = "", **changes: Any
    ) -> httpx.Response:
        """Call an operation; `changes` are to the fields of its body."""
        operation = UPSTREAM[operation_id]
        media_type = operation.request_types()[0] if media_type is None else media_type
        path = self.path(operation)
        body = self.body(operation, media_type, path, **changes) if media_type else {}
        pairs = [pair for pair in (operation.query, query) if pair]
        whole = f"{path}?{'&'.join(pairs)}" if pairs else path
        return self.client.request(operation.method, whole, **body)

    def path(self, operation: Described) -> str:
        """The operation's path, with every resource that it names made."""
        special = self.paths.get(operation.operation_id.removeprefix("beta_"))
        return special(self) if special else self.filled(operation.path)

    def filled(self, template: str) -> str:
        """A path of the document, with every resource that it names made."""
        path, done = "", ""
        for part in template.strip("/").split("/"):
            path += "/" + (self._made(done, path, part[1:-1]) if part.startswith("{") else part)
            done += "/" + part
        return path

    def _made(self, template: str, path: str, parameter: str) -> str:
        """The id of a resource in the collection at `path`: a new one, or else the first that is listed."""
        found = {(one.method, one.path): one for one in UPSTREAM.values() if one.query is None}
        if operation := found.get(("POST", template)):
            body = self.body(operation, operation.request_types()[0], path)
            answer = self.client.post(path, **body)
            assert answer.is_success, answer.text
            named = body.get("json", {}).get(parameter) if "container" not in template else None
            return str(named or _id_in(answer))
        if ("GET", template) in found:
            listed = self.client.get(path).raise_for_status().json()["data"]
            return str(listed[0]["id"])
        return f"{parameter}-1"

    def body(self, operation: Described, media_type: str, path: str, **changes: Any) -> dict[str, Any]:
        """What httpx sends as the least body; `changes` are to its fields."""
        if media_type == "application/sdp":
            return {"content": b"v=0\r\n", "headers": {"content-type": media_type}}
        if not media_type:
            return {}
        schema = operation.request_schema(media_type)
        fields = {**self._fields(operation, path), **changes}
        if media_type == "multipart/form-data":
            return self._form(schema, fields)
        fields.pop("content", None)
        made = minimal(schema, "body", DOCUMENT)
        body = {**made, **fields} if isinstance(made, dict) else made
        assert not errors(schema, body), (body, errors(schema, body))
        return {"json": body}

    def _form(self, schema: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        flat = _flat(schema)
        known = flat.get("properties", {})
        binary = [name for name, part in known.items() if _is_binary(part)]
        required = [name for name in flat.get("required", []) if name not in fields]
        files = [name for name in required if name in binary] or binary[:1]
        content = fields.pop("content", PNG)
        plain = {name: minimal(known[name], name, DOCUMENT) for name in required if name not in files}
        texts = {**plain, **fields}.items()
        parts: list[Any] = [
            (name, (None, value if isinstance(value, str) else json.dumps(value))) for name, value in texts
        ]
        return {"files": [*parts, *((name, ("one.png", content, "image/png")) for name in files)]}

    def _fields(self, operation: Described, path: str) -> dict[str, Any]:
        special = self.fields.get(operation.operation_id.removeprefix("beta_"))
        return special(self, path) if special else {}

    def file(self, purpose: str = "assistants", content: bytes = b"one two three") -> str:
        """The id of a new file."""
        made = self.client.post("/files", data={"purpose": purpose}, files={"file": ("a.txt", content)})
        return str(made.raise_for_status().json()["id"])

    def polled(self, path: str, status: str = "completed") -> str:
        """`path`, once what it names has that status."""
        for _ in range(_POLLS):
            if self.client.get(path).raise_for_status().json()["status"] == status:
                return path
        raise AssertionError(f"{path} never became {status}")


def _id_in(answer: httpx.Response) -> str:
    body = answer.json()
    return str(body["id"] if "id" in body else body["data"][0]["id"])


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _is_binary(schema: dict[str, Any]) -> bool:
    flat = _flat(schema)
    options = [flat, *flat.get("anyOf", []), *flat.get("oneOf", []), flat.get("items", {})]
    return any(_flat(option).get("format") == "binary" for option in options if option) or any(
        _flat(option.get("items", {})).get("format") == "binary"
        for option in map(_flat, options)
        if option.get("items")
    )
