"""A folder as codegen makes it for Actions: two groups with documents and function tools."""

import json
from pathlib import Path
from typing import Any

NAMES = ("default", "files")
_SCHEME = {"type": "apiKey", "in": "header", "name": "X-Relay-Key"}


def document(name: str) -> dict[str, Any]:
    """The document of a group: two operations on one path, and the placeholder for the server."""
    answer = {"200": {"description": "The answer: \u2028 no, 1e3, «ä»."}}
    item = {
        "get": {"operationId": f"list_{name}", "summary": "on", "parameters": [], "responses": answer},
        "post": {"operationId": f"create_{name}", "x-openai-isConsequential": True, "responses": answer},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Group {name}", "description": f"What {name} is for.", "version": "1"},
        "servers": [{"url": "https://relay.example"}],
        "security": [{"RelayKey": []}],
        "paths": {f"/v1/actions/{name}": item},
        "components": {"securitySchemes": {"RelayKey": _SCHEME}},
    }


def tools(name: str) -> list[dict[str, Any]]:
    """The function tools of a group."""
    parameters: dict[str, Any] = {"type": "object", "properties": {}}
    names = (f"list_{name}", f"create_{name}")
    return [
        {"type": "function", "name": one, "description": "Does it.", "parameters": parameters}
        for one in names
    ]


def write(folder: Path) -> Path:
    """Lay both groups out in `folder`; gives it."""
    for name in NAMES:
        made = {f"{name}.json": document(name), f"{name}.tools.json": {"tools": tools(name)}}
        for file, content in made.items():
            (folder / file).write_text(json.dumps({"x-generated": "make regen", **content}), encoding="utf-8")
    return folder
