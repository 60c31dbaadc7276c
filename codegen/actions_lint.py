"""`python -m codegen.actions_lint FILE`: says what the import of GPT Actions would refuse in a document.

The file is OpenAPI as JSON or YAML. Exit codes: 0 nothing, 1 a line for each finding, 2 it cannot be read.
"""

import argparse
import sys
from pathlib import Path

from codegen import files
from codegen.actions import limits
from codegen.errors import CodegenError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's docstring for exit codes."""
    parser = argparse.ArgumentParser(prog="python -m codegen.actions_lint", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="an OpenAPI document, JSON or YAML")
    given = parser.parse_args(arguments)
    try:
        document = files.load(given.file)
    except CodegenError as error:
        print(f"actions-lint: {error}", file=sys.stderr)  # noqa: T201
        return 2
    found = limits.findings(document)
    for finding in found:
        print(finding)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
