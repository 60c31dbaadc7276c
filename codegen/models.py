"""Pydantic models of the JSON request bodies' closure, by datamodel-code-generator."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from codegen.bodies import Schemas
from codegen.contract import Document
from codegen.errors import CodegenError

_SECONDS = 120
_REF = "#/components/schemas/"
_OPTIONS = (
    "--input-file-type=openapi",
    "--openapi-scopes=schemas",
    "--output-model-type=pydantic_v2.BaseModel",
    "--target-python-version=3.11",
    "--enum-field-as-literal=all",
    "--use-annotated",
    "--field-constraints",
    "--collapse-root-models",
    "--use-standard-collections",
    "--use-union-operator",
    "--disable-timestamp",
    "--disable-warnings",
)


def source(schemas: Schemas) -> str:
    """The text of the module, deterministic; raises CodegenError when a body got no model."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "request bodies", "version": "1"},
        "paths": {},
        "components": {"schemas": _prepared(schemas.closure())},
    }
    text = _generate(document)
    for name in schemas.bodies:
        if not re.search(rf"^(class {name}\(|{name}( =|: ))", text, re.MULTILINE):
            raise CodegenError(f"generated/models.py: datamodel-code-generator made no model {name!r}")
    return text


def _generate(document: Document) -> str:
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "bodies.json"), Path(folder, "models.py")
        given.write_text(json.dumps(document), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "datamodel_code_generator",
            f"--input={given}",
            f"--output={made}",
            *_OPTIONS,
        ]
        run = subprocess.run(
            command, capture_output=True, text=True, cwd=folder, timeout=_SECONDS, check=False
        )
        if run.returncode != 0:
            last = (run.stderr.strip().splitlines() or ["no output"])[-1]
            raise CodegenError(f"generated/models.py: datamodel-code-generator failed: {last}")
        return made.read_text(encoding="utf-8")


def _prepared(schemas: Document) -> Document:
    """`schemas` in the form the generator gets right; in place."""
    for schema in schemas.values():
        _prepare(schema, schemas)
    return schemas


def _prepare(value: Any, schemas: Document) -> None:
    if isinstance(value, list):
        for part in value:
            _prepare(part, schemas)
    elif isinstance(value, dict):
        # A field that the document does not know yet is no deviation: it goes upstream.
        if value.get("additionalProperties") is False:
            del value["additionalProperties"]
        if isinstance(value.get("discriminator"), dict) and "propertyName" in value["discriminator"]:
            _map_discriminator(value, schemas)
        for part in value.values():
            _prepare(part, schemas)


def _map_discriminator(union: Document, schemas: Document) -> None:
    """Say which value means which member; without a mapping the generator takes schema names for values."""
    prop = union["discriminator"]["propertyName"]
    mapping: dict[str, str] = {}
    for member in union.get("oneOf") or union.get("anyOf") or []:
        values = _values(member, prop, schemas)
        if not values or "$ref" not in member or any(value in mapping for value in values):
            # Members that one property cannot tell apart are tried in turn.
            del union["discriminator"]
            return
        mapping.update(dict.fromkeys(values, member["$ref"]))
    union["discriminator"]["mapping"] = mapping


def _values(schema: Document, prop: str, schemas: Document) -> list[str]:
    """The constant values that the property `prop` can have in `schema`."""
    if "$ref" in schema:
        return _values(schemas[schema["$ref"].removeprefix(_REF)], prop, schemas)
    found = schema.get("properties", {}).get(prop)
    if isinstance(found, dict):
        if "$ref" in found:
            found = schemas[found["$ref"].removeprefix(_REF)]
        values = found.get("enum", [found["const"]] if "const" in found else [])
        return [value for value in values if isinstance(value, str)]
    return [value for part in schema.get("allOf", []) for value in _values(part, prop, schemas)]
