"""The pages of the report: well-formed whatever the names in the document are, and bounded."""

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from codegen.report import page
from codegen.report.__main__ import main, write
from codegen.report.change import BOTH, Effect, Place
from codegen.report.project import Report, Told
from tests.codegen.projects import DOCUMENT, write_project
from tests.codegen.shapes import steady

JSON = Any

# Names that a document may have, and that Markdown, a table or a terminal takes for its own.
NAMES = st.one_of(
    st.sampled_from(
        ["a|b", "`a`", "a``b", "a\nb", "\x1b[31mred", "<b>", "</details>", "**a**", "\\", "\\|", "|"]
    ),
    st.text(min_size=1, max_size=12),
)


def report(*told: Told, errors: list[str] | None = None, new: list[JSON] | None = None) -> Report:
    return Report("old", "new", list(told), errors or [], new or [], [], None)


def changed(name: str, *, breaks: bool = True, where: str = "schema A") -> Told:
    place = Place(where, BOTH).step(name)
    return Told(place.change("field", "removed", Effect.GONE, f"was {name}"), ("clients",) if breaks else ())


def outside_code(line: str) -> str:
    """A line without its code spans (CommonMark 0.31, 6.1): as many backticks end one as began it."""
    return re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", line)


def cells(line: str) -> list[str]:
    """The cells of a row (GitHub Flavored Markdown, 4.10): a bar with a backslash before it is none."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@steady
@given(NAMES)
def test_names_of_the_document_do_nothing_to_the_page(name: str) -> None:
    row = {"operation": f"GET /{name}", "id": name, "not_yet_in": ["proxy"]}
    made = page.markdown(report(changed(name), changed(name, breaks=False), errors=[name], new=[row]))
    lines = made.removesuffix("\n").split("\n")
    assert made.splitlines() == lines
    (broken, harmless, to_change) = (
        next(line for line in lines[lines.index(title) :] if line.startswith("- "))
        for title in ("## Breaking", "## Harmless", "## What has to change in this project")
    )
    assert outside_code(broken) == "- **breaks clients**: : field  removed: "
    assert outside_code(harmless) == "- : field  removed: "
    assert outside_code(to_change) == "- "
    (new,) = [line for line in lines if "forwarded" in line]
    assert len(cells(new)) == 4
    assert cells(new)[2:] == ["forwarded", "proxy"]
    assert [lines.count(tag) for tag in ("<details>", "</details>")] == [1, 1]


@steady
@given(NAMES)
def test_names_of_the_document_do_nothing_to_the_terminal(name: str) -> None:
    row = {"operation": f"GET /{name}", "id": name, "not_yet_in": []}
    said = page.terminal(report(changed(name), errors=[name], new=[row]), "build")
    assert len(said.splitlines()) == 5
    assert all(letter.isprintable() for letter in said.replace("\n", ""))


def test_the_terminal_is_bounded_and_tells_what_it_leaves_out() -> None:
    long = "x" * 3_000
    many = report(
        *(changed(f"{long}{number}", where=f"schema {number}") for number in range(500)),
        *(changed(f"f{number}", where=f"schema {number}", breaks=False) for number in range(500)),
        errors=[f"{number}{long}" for number in range(500)],
        new=[{"operation": f"GET /{number}", "id": "", "not_yet_in": []} for number in range(500)],
    )
    lines = page.terminal(many, "build").splitlines()
    assert max(map(len, lines)) <= 610
    assert len(lines) <= 250
    for what in ("lines to change", "new operations", "that break something", "that break nothing"):
        assert f"  and 440 more {what}" in lines
    assert lines[0].startswith("old → new: 1000 changes, 500 break clients, 0 break the relay, 500 lines")


def test_one_change_in_many_places_is_one_line() -> None:
    told = [changed(name, where=f"schema {number}") for number in range(9) for name in ("a", "b")]
    told = [Told(one.change, one.breaks) for one in told]
    lines = [line for line in page.markdown(report(*told)).splitlines() if line.startswith("- ")]
    assert [line.count("`schema ") for line in lines if "breaks clients" in line] == [6, 6]
    assert all("and 3 more" in line for line in lines if "breaks clients" in line)


def test_both_files_are_written_and_the_json_is_as_documented(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    old = json.loads(json.dumps(DOCUMENT))
    del old["paths"]["/things/search"]
    old["components"]["schemas"]["Kind"]["enum"].append("huge")
    new = json.loads(json.dumps(DOCUMENT))
    content = new["paths"]["/things"]["post"]["requestBody"]["content"]
    content["application/new"] = {}
    said = write(old, new, ("before", "after"), root)
    assert said.startswith("before → after: 3 changes, 1 break clients, 0 break the relay")
    assert "new media type: application/new, forwarded" in said
    made = json.loads((root / "build" / "upstream-report.json").read_bytes())
    assert sorted(made) == ["changes", "errors", "from", "new_media_types", "new_operations", "oasdiff", "to"]
    assert (made["from"], made["to"], made["new_media_types"]) == ("before", "after", ["application/new"])
    assert made["new_operations"] == [
        {
            "operation": "GET /things/search",
            "id": "searchThings",
            "not_yet_in": ["sandbox state", "proxy", "Actions"],
        }
    ]
    for change in made["changes"]:
        assert sorted(change) == [
            *("breaking", "breaks", "detail", "operations", "place", "subject", "what", "where")
        ]
    assert [one["operations"] for one in made["changes"] if one["where"] == "schema Kind"] == [
        ["create-thing"]
    ]
    assert (
        (root / "build" / "upstream-report.md")
        .read_text()
        .startswith("# OpenAI's document: before → after\n")
    )


def test_a_document_that_cannot_be_read_is_told(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "a.json").write_text("{")
    assert main([str(tmp_path / "a.json"), str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.startswith("report: ")
