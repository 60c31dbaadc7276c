"""The limits of the import, each with a document that breaks it, and any document at all."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.actions import limits
from codegen.errors import CodegenError
from tests.codegen.actions.contracts import compiled
from tests.codegen.shapes import steady

JSON = Any
DOCUMENT = compiled()
CREATE = "POST /v1/actions/things (createThing)"
POST = ("paths", "/v1/actions/things", "post")
GET = ("paths", "/v1/actions/things/{thing_id}", "get")
SCHEMA = (*POST, "requestBody", "content", "application/json", "schema")
GONE: JSON = object()


def broken(path: tuple[Any, ...], value: JSON) -> dict[str, JSON]:
    """The good document with `value` at `path`, or without what is there."""
    document = copy.deepcopy(DOCUMENT)
    place: JSON = document
    for key in path[:-1]:
        place = place[key]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def test_nothing_is_found_in_a_good_document() -> None:
    assert limits.findings(DOCUMENT) == []
    limits.check(DOCUMENT, "good.json")


def parameter(**members: JSON) -> list[JSON]:
    return [{"name": "x", "in": "query", "schema": {"type": "string"}, **members}]


def scheme(**members: JSON) -> dict[str, JSON]:
    return {"RelayKey": members}


@pytest.mark.parametrize(
    ("path", "value", "finding"),
    [
        (("openapi",), "3.0.3", "openapi: '3.0.3' is none of 3.1.0, 3.1.1"),
        (("servers",), [], "servers: 0 where exactly one is taken"),
        (("servers",), [{"url": "https://a.example"}] * 2, "servers: 2 where exactly one is taken"),
        (("servers", 0, "url"), "http://a.example", "servers: 'http://a.example' is no https address"),
        (("paths",), {}, "paths: there is no operation"),
        (
            (*GET, "operationId"),
            "createThing",
            "operationId: 'createThing' stands there 2 times",
        ),
        (("components", "schemas"), GONE, "components.schemas: an object is expected, even an empty one"),
        (("components", "schemas"), [], "components.schemas: an object is expected, even an empty one"),
        (
            ("components", "securitySchemes", "More"),
            {"type": "http", "scheme": "bearer"},
            "components.securitySchemes: 2, 1 too many: one is taken",
        ),
        (
            ("components", "securitySchemes"),
            scheme(type="http", scheme="basic"),
            "components.securitySchemes.RelayKey: it is no API key, no HTTP bearer and no OAuth",
        ),
        (SCHEMA, {"$ref": "other.json#/a"}, "$ref: 'other.json#/a' leads to another document"),
        (("info", "title"), GONE, 'OpenAPI: info: "title" is a required property'),
        ((*POST, "operationId"), GONE, "POST /v1/actions/things: operationId: there is none"),
        (
            (*POST, "operationId"),
            "create-thing",
            "POST /v1/actions/things (create-thing): operationId: 'create-thing' is not made of",
        ),
        ((*POST, "operationId"), "x" * 65, f"POST /v1/actions/things ({'x' * 65}): operationId: "),
        ((*POST, "summary"), GONE, f"{CREATE}: summary: there is none, nor a description"),
        ((*POST, "summary"), "x" * 301, f"{CREATE}: summary: 301 characters, 1 over the limit of 300"),
        (
            (*POST, "description"),
            "x" * 310,
            f"{CREATE}: description: 310 characters, 10 over the limit of 300",
        ),
        (
            (*POST, "parameters"),
            parameter(description="x" * 701),
            f"{CREATE}: parameter x: 701 characters, 1 over the limit of 700",
        ),
        (
            (*POST, "parameters"),
            parameter(**{"in": "header"}),
            f"{CREATE}: parameter x: it is in 'header', and is ignored: path and query are taken",
        ),
        (
            ("paths", "/v1/actions/things", "parameters"),
            parameter(**{"in": "cookie"}),
            f"{CREATE}: parameter x: it is in 'cookie', and is ignored: path and query are taken",
        ),
        (
            (*POST, "parameters"),
            [{"$ref": "#/paths/~1v1~1actions~1things~1{thing_id}/get/parameters/1"}],
            f"{CREATE}: parameter limit: it is a reference, and its operation is left out: write it out",
        ),
        (
            (*POST, "requestBody", "content", "multipart/form-data"),
            {"schema": {"type": "object", "properties": {}}},
            f"{CREATE}: requestBody: multipart/form-data is no JSON",
        ),
        (
            (*POST, "responses", "200", "content", "audio/mpeg"),
            {},
            f"{CREATE}: response 200: audio/mpeg is no JSON",
        ),
        (
            (*GET, "requestBody"),
            {"content": {"application/json": {}}},
            "GET /v1/actions/things/{thing_id} (getThing): requestBody: a GET has none",
        ),
        (
            (*POST, "x-openai-isConsequential"),
            GONE,
            f"{CREATE}: x-openai-isConsequential: true or false is expected, so that it is meant",
        ),
        (
            (*SCHEMA, "properties", "openaiFileIdRefs"),
            {"type": "array", "items": {"type": "object", "properties": {}}, "description": "A file."},
            f"{CREATE}: openaiFileIdRefs: only an array of strings in the body of a POST gets files",
        ),
        (
            (*SCHEMA, "properties", "openaiFileIdRefs"),
            {"type": "array", "items": {"type": "string"}},
            f"{CREATE}: openaiFileIdRefs: no description says which files, and how many",
        ),
        (
            (*SCHEMA, "properties", "more"),
            {"type": "object"},
            f"{CREATE}: requestBody/properties/more: an object without properties; {{}} will do",
        ),
        (
            (*SCHEMA, "properties", "more"),
            {"anyOf": [{"type": ["array", "null"]}]},
            f"{CREATE}: requestBody/properties/more/anyOf/0: an array without items",
        ),
        (
            ("components", "schemas", "Odd"),
            {"type": "object"},
            "components.schemas.Odd: an object without properties; {} will do",
        ),
    ],
)
def test_each_limit_is_found_broken_where_it_is(path: tuple[Any, ...], value: JSON, finding: str) -> None:
    found = limits.findings(broken(path, value))
    assert [line for line in found if line.startswith(finding)], found


def test_a_document_that_is_too_long_is_told_by_how_much() -> None:
    document = broken((*SCHEMA, "title"), "x" * limits.CHARACTERS)
    over = len(json.dumps(document, indent=1, ensure_ascii=False)) + 1 - 99_999
    assert any(f"{over} too many: under 100000 are taken" in line for line in limits.findings(document))


def test_too_many_operations_are_counted() -> None:
    many = {f"/{n}": DOCUMENT["paths"]["/info"] for n in range(32)}
    assert "paths: 32 operations, 2 over the limit of 30" in limits.findings(broken(("paths",), many))


def test_two_kinds_of_key_are_taken_and_oauth() -> None:
    for members in ({"type": "http", "scheme": "Bearer"}, {"type": "oauth2", "flows": {}}):
        document = broken(("components", "securitySchemes"), scheme(**members))
        assert limits.findings(document) == []


def test_the_first_finding_stops_and_the_others_are_counted() -> None:
    with pytest.raises(CodegenError, match=r"^bad\.json: servers: 0 .*taken \(4 in all\)$"):
        limits.check(
            {**DOCUMENT, "servers": [], "paths": {**DOCUMENT["paths"], "/odd": {"get": {}}}}, "bad.json"
        )


def test_no_reference_is_followed_out_of_the_document(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("{", encoding="utf-8")
    found = limits.findings(broken(SCHEMA, {"$ref": outside.as_uri()}))
    assert found == [f"$ref: {outside.as_uri()!r} leads to another document"]


PARTS: st.SearchStrategy[JSON] = st.sampled_from(
    [
        None,
        1,
        "x",
        [],
        {},
        [1],
        {"$ref": "#/paths"},
        {"$ref": 7},
        {"$ref": "#"},
        {"type": {}},
        {"get": 3},
        True,
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, JSON]:
    """The good document with something else in up to three of its places, or under their keys."""
    document = copy.deepcopy(DOCUMENT)
    for _ in range(draw(st.integers(1, 3))):
        place: JSON = document
        for _ in range(draw(st.integers(0, 8))):
            inside = list(place.values()) if isinstance(place, dict) else place
            deeper = [part for part in inside if isinstance(part, dict | list) and part]
            if not deeper:
                break
            place = draw(st.sampled_from(deeper))
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        place[key] = copy.deepcopy(draw(PARTS))
    return document


@steady
@given(mutated())
def test_no_document_is_too_odd_to_be_judged(document: dict[str, JSON]) -> None:
    found = limits.findings(document)
    assert all(isinstance(line, str) and "\n" not in line for line in found)


@steady
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ).filter(lambda value: isinstance(value, dict))
)
def test_no_object_is_too_odd_to_be_judged(document: dict[str, JSON]) -> None:
    assert limits.findings(document)
