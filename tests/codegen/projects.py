"""A small project for the generator: a vendored document, an overlay, a handler."""

import json
from pathlib import Path
from typing import Any

from codegen import files

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Small", "version": "1.2.3"},
    "servers": [{"url": "https://api.example.com/v1"}],
    "security": [{"Key": []}],
    "paths": {
        "/things": {
            "post": {
                "operationId": "create-thing",
                "tags": ["Things"],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}}},
                },
                "responses": {
                    "200": {
                        "description": "OK",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}},
                            "text/event-stream": {"schema": {"$ref": "#/components/schemas/Thing"}},
                        },
                    }
                },
            }
        },
        "/things/{thing_id}": {
            "parameters": [
                {"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "get": {
                "operationId": "getThing",
                "deprecated": True,
                "responses": {"200": {"description": "OK"}},
            },
            "post": {
                "operationId": "updateThing",
                "requestBody": {
                    "content": {"application/json": {"schema": {"properties": {"name": {"type": "string"}}}}}
                },
                "responses": {"200": {"description": "OK"}},
            },
        },
        "/things/search": {
            "get": {"operationId": "searchThings", "responses": {"200": {"description": "OK"}}}
        },
    },
    "components": {
        "schemas": {
            "NewThing": {
                "type": "object",
                "required": ["name", "kind"],
                "properties": {
                    "name": {"type": "string"},
                    "kind": {"$ref": "#/components/schemas/Kind"},
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    "inner": {"$ref": "#/components/schemas/NewThing"},
                },
            },
            "Kind": {"type": "string", "enum": ["small", "large"]},
            "Thing": {"type": "object", "properties": {"id": {"type": "string"}}},
        },
        "securitySchemes": {"Key": {"type": "http", "scheme": "bearer"}},
    },
}

OVERLAY: dict[str, Any] = {
    "overlay": "1.1.0",
    "info": {"title": "Small overlay", "version": "1"},
    "actions": [
        {
            "target": "$.paths",
            "description": "An operation of the relay's own.",
            "update": {
                "/state": {
                    "servers": [{"url": "/"}],
                    "get": {
                        "operationId": "getState",
                        "security": [],
                        "x-relay": {"handler": "state.get_state"},
                        "responses": {"200": {"description": "Running."}},
                    },
                }
            },
        },
        {
            "target": "$.paths['/things'].post",
            "description": "Its events have no names.",
            "update": {"x-relay": {"ends": ["[DONE]"]}},
        },
    ],
}

# Things that Actions may use, and one thing that they may not.
GROUPS: dict[str, Any] = {
    "groups": {
        "things": {
            "title": "Things",
            "description": "Make things.",
            "operations": ["create-thing", "getState"],
        }
    },
    "operations": {"create-thing": "Make a thing.", "getState": "Say how the relay is."},
    "without": {"/things/search": "It finds too much."},
}

LOCK: dict[str, Any] = {"version": "1.2.3", "date": "2026-01-02", "commit": None, "source_sha256": "0" * 64}


def action(target: str, **way: Any) -> dict[str, Any]:
    """An overlay action with a reason."""
    return {"target": target, "description": "Because a test wants it.", **way}


def write_project(
    root: Path,
    *actions: dict[str, Any],
    document: dict[str, Any] = DOCUMENT,
    faults: tuple[str, ...] = (),
    groups: dict[str, Any] | None = None,
) -> Path:
    """Lay out the inputs below `root`, the overlay with more `actions`, and the `groups`; gives `root`."""
    overlay = {**OVERLAY, "actions": [*OVERLAY["actions"], *actions]}
    texts = {
        "spec/openai.json": files.dump_json(document),
        "spec/openai.lock.json": files.dump_json(LOCK),
        "spec/overlay.yaml": json.dumps(overlay).encode(),
        "spec/known-faults.json": files.dump_json({"faults": list(faults)}),
        "handlers/state.py": b"async def get_state() -> None: ...\n",
        "handlers/actions.py": b"async def serve() -> None: ...\n",
        "requirements.lock": b"",
        "tests/evidence.json": files.dump_json({"getThing": ["openai-python", "check"]}),
    }
    if groups is not None:
        words = {**OVERLAY, "actions": [action("$", update={"x-relay-actions": groups})]}
        texts["spec/groups.yaml"] = json.dumps(words).encode()
    files.write_atomically({root / name: content for name, content in texts.items()})
    return root
