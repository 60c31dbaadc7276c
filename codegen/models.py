"""Pydantic models of the JSON request bodies' closure, by datamodel-code-generator."""

import ast
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from codegen.bodies import Schemas
from codegen.contract import Document
from codegen.errors import CodegenError
from codegen.unions import prepared

_SECONDS = 120
_OPTIONS = (
    "--input-file-type=openapi",
    "--openapi-scopes=schemas",
    "--output-model-type=pydantic_v2.BaseModel",
    "--target-python-version=3.11",
    "--enum-field-as-literal=all",
    "--use-annotated",
    "--field-constraints",
    "--use-type-alias",
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
        "components": {"schemas": prepared(schemas.closure())},
    }
    text = failing_fast(_generate(document))
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


def failing_fast(source: str) -> str:
    """`source` with every list ending at its first wrong item.

    Each wrong item costs an error for every member of its union: a body of 400 KB could cost gigabytes.
    """
    tree = _FailFast().visit(ast.parse(source))
    place = _after_future_imports(tree)
    tree.body[place:place] = ast.parse("from typing import Annotated\nfrom pydantic import Field").body
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _after_future_imports(tree: ast.Module) -> int:
    places = [n for n, node in enumerate(tree.body, 1) if getattr(node, "module", None) == "__future__"]
    return max(places, default=0)


class _FailFast(ast.NodeTransformer):
    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "list":
            return ast.parse(f"Annotated[{ast.unparse(node)}, Field(fail_fast=True)]", mode="eval").body
        return node
