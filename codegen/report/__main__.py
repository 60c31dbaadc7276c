"""`python -m codegen.report OLD NEW`: what changes between two states of OpenAI's document.

Each is a file, OpenAI's own document or a vendored one. Exit codes: 0 done, 2 a document that cannot be read.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from codegen.errors import CodegenError
from codegen.facts import facts
from codegen.files import dump_json, load, write_atomically
from codegen.report import page
from codegen.report.project import report

FOLDER = Path("build")


def write(old: dict[str, Any], new: dict[str, Any], names: tuple[str, str], root: Path) -> str:
    """Write the report as Markdown and JSON into the project's `build/`; what to print.

    Raises CodegenError.
    """
    made = report(old, new, names, root)
    folder = root / FOLDER
    texts = {"md": page.markdown(made).encode(), "json": dump_json(made.as_json())}
    write_atomically({folder / f"upstream-report.{end}": text for end, text in texts.items()})
    return page.terminal(made, FOLDER.as_posix())


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's docstring for exit codes."""
    parser = argparse.ArgumentParser(prog="python -m codegen.report", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    given = parser.parse_args(arguments)
    try:
        old, new = (facts(load(path), path.name) for path in (given.old, given.new))
        sys.stdout.write(write(old, new, (given.old.stem, given.new.stem), Path()))
    except CodegenError as error:
        sys.stderr.write(f"report: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
