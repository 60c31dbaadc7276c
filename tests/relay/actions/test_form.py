"""Forms are read by others as they were meant."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from relay.actions.form import File, Form, pairs
from tests.forms import Part, read

# Readers do not agree on what a backslash is; no file name has one.
LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\")
NAMES = st.text(LETTERS, min_size=1, max_size=10)
CONTENTS = st.binary(max_size=50) | st.sampled_from([b"\r\n", b"--", b"\r\n--", b"x" * 70_000])


async def gone() -> Message:
    return {"type": "http.disconnect"}


def body_of(form: Form) -> bytes:
    async def collected() -> bytes:
        receive, body = form.receive(gone), b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            last = not message["more_body"]
        assert last
        return body

    return asyncio.run(collected())


@given(
    st.lists(st.tuples(NAMES, st.text(max_size=20))),
    st.lists(st.tuples(NAMES, NAMES, CONTENTS), max_size=3),
)
def test_a_form_is_read_as_it_was_meant(
    fields: list[tuple[str, str]], files: list[tuple[str, str, bytes]]
) -> None:
    form = Form(fields, [(name, File(filename, "a/b", content)) for name, filename, content in files])
    body = body_of(form)
    assert len(body) == form.length
    read_fields, read_files = read(form.media_type, body)
    quoted = [(name.replace('"', "%22"), value) for name, value in fields]
    assert read_fields == [(name, value.encode("utf-8", "replace").decode()) for name, value in quoted]
    assert read_files == [
        Part(name.replace('"', "%22"), filename.replace('"', "%22"), content)
        for name, filename, content in files
    ]


def test_members_become_the_fields_that_openais_clients_send() -> None:
    members: dict[str, Any] = {
        "a": "x",
        "b": True,
        "c": 1.5,
        "d": ["y", 2],
        "e": {"f": {"g": "z"}},
        "h": [],
        "i": [{"j": 1}],
    }
    assert pairs(members) == [
        ("a", "x"),
        ("b", "true"),
        ("c", "1.5"),
        ("d[]", "y"),
        ("d[]", "2"),
        ("e[f][g]", "z"),
        ("i[][j]", "1"),
    ]
