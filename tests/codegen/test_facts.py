from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.errors import CodegenError
from codegen.facts import facts, resolves
from codegen.files import dump_json, load
from codegen.grammar import Object
from tests.codegen.shapes import PLACE, PROSE, documents, objects, shuffled, steady

if TYPE_CHECKING:
    from random import Random

JSON = Any
SOURCE: dict[str, JSON] = {
    "info": {"version": "1.0", "title": "Small", "description": PROSE, "contact": {"email": PROSE}},
    "openapi": "3.1.0",
    "x-oaiMeta": {"groups": [{"title": PROSE}]},
    "tags": [{"description": PROSE, "name": "Z"}, {"name": "A", "externalDocs": {"url": PROSE}}],
    "paths": {
        "/z": {"summary": PROSE, "get": {"responses": {"default": {"$ref": "#/components/responses/Late"}}}},
        "/a": {
            "post": {
                "summary": PROSE,
                "description": PROSE,
                "x-oaiMeta": {"examples": [{"request": {"curl": PROSE}}]},
                "security": [{"Key": []}],
                "operationId": "make",
                "parameters": [
                    {"in": "query", "name": "b", "description": PROSE, "schema": True, "example": PROSE},
                    {"in": "query", "name": "a", "schema": {"type": "string"}, "required": True},
                ],
                "responses": {
                    "4XX": {"description": PROSE},
                    "200": {"description": PROSE, "content": {"b/b": {"example": PROSE}, "a/a": {}}},
                },
            }
        },
    },
    "components": {
        "securitySchemes": {"Key": {"type": "http", "scheme": "bearer", "description": PROSE}},
        "examples": {"One": {"value": PROSE}},
        "responses": {"Late": {"description": PROSE, "headers": {"Retry-After": {"description": PROSE}}}},
        "schemas": {
            "Thing": {
                "required": ["type", "description"],
                "properties": {
                    "type": {"const": "thing", "description": PROSE},
                    "description": {"type": "string", "examples": [PROSE], "default": "x"},
                    "example": {"$ref": PLACE, "description": PROSE},
                    "default": {"enum": ["z", "a", None], "x-oaiMeta": {"a": PROSE}},
                    "x-oaiMeta": False,
                },
                "type": "object",
                "description": PROSE,
                "$comment": PROSE,
                "default": {"description": "kept, for a default is a value"},
                "x-stainless-skip": ["go"],
            }
        },
    },
}

VENDORED = """{
"openapi": "3.1.0",
"info": {"title": "Small", "version": "1.0"},
"tags": [{"name": "Z"}, {"name": "A"}],
"paths": {
"/a": {"post": {"operationId": "make", "security": [{"Key": []}],
"parameters": [{"name": "b", "in": "query", "schema": true},
{"name": "a", "in": "query", "required": true, "schema": {"type": "string"}}],
"responses": {"200": {"description": "OK", "content": {"a/a": {}, "b/b": {}}},
"4XX": {"description": "Client Error"}}}},
"/z": {"get": {"responses": {"default": {"$ref": "#/components/responses/Late"}}}}},
"components": {
"schemas": {"Thing": {"type": "object",
"default": {"description": "kept, for a default is a value"},
"required": ["description", "type"],
"properties": {"default": {"enum": ["z", "a", null]},
"description": {"type": "string", "default": "x"},
"example": {"$ref": "#/components/schemas/Thing"},
"type": {"const": "thing"},
"x-oaiMeta": false},
"x-stainless-skip": ["go"]}},
"responses": {"Late": {"description": "Late", "headers": {"Retry-After": {}}}},
"securitySchemes": {"Key": {"type": "http", "scheme": "bearer"}}}
}"""


def test_facts_stay_in_their_order_and_prose_goes() -> None:
    before = deepcopy(SOURCE)
    assert json.dumps(facts(SOURCE, "a")) == json.dumps(json.loads(VENDORED))
    assert before == SOURCE


def test_the_answer_shares_nothing_with_the_source() -> None:
    source = deepcopy(SOURCE)
    source["components"]["schemas"]["Thing"]["enum"] = [["a"]]
    kept = facts(source, "a")
    kept["components"]["schemas"]["Thing"]["enum"][0].append("b")
    kept["paths"]["/a"]["post"]["security"][0]["Key"].append("b")
    assert source["components"]["schemas"]["Thing"]["enum"] == [["a"]]
    assert source["paths"]["/a"]["post"]["security"] == [{"Key": []}]


@steady
@given(documents())
def test_no_sentence_leaks_and_keeping_again_changes_nothing(document: dict[str, JSON]) -> None:
    kept = facts(document, "a")
    assert PROSE not in json.dumps(kept)
    assert dump_json(facts(kept, "a")) == dump_json(kept)


@steady
@given(documents(), st.randoms(use_true_random=False))
def test_the_order_of_the_source_leaves_no_trace(document: dict[str, JSON], random: Random) -> None:
    other = shuffled(document, Object("document"), random)
    assert dump_json(facts(other, "a")) == dump_json(facts(document, "a"))


@steady
@given(documents(), st.data(), st.sampled_from(["descripton", "x-new", "x-stainless-new", "$id "]))
def test_an_unknown_keyword_anywhere_stops(document: dict[str, JSON], data: st.DataObject, key: str) -> None:
    pointer, found = data.draw(st.sampled_from(objects(document, Object("document"))))
    found[key] = "anything"
    with pytest.raises(CodegenError) as caught:
        facts(document, "a.yaml")
    assert str(caught.value) == f"a.yaml: {pointer}: unknown keyword {key!r}"


def changed(pointer: str, value: JSON) -> dict[str, JSON]:
    """SOURCE with one member set."""
    document = deepcopy(SOURCE)
    *steps, last = (step.replace("~1", "/") for step in pointer.split("/")[1:])
    place = document
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("pointer", "value", "message"),
    [
        ("#/paths/x-new", {}, "#/paths: unknown keyword 'x-new'"),
        ("#/paths/~1a/post/responses/x-new", {}, "#/paths/~1a/post/responses: unknown keyword 'x-new'"),
        ("#/paths/~1a/post/responses/20", {}, "#/paths/~1a/post/responses: unknown keyword '20'"),
        ("#/paths/~1a/post/callbacks", {"b": {"x-a": {}}}, "#/paths/~1a/post/callbacks/b: unknown keyword"),
        ("#/paths/~1a/query", {}, "#/paths/~1a: unknown keyword 'query'"),
        ("#/components/schemas/a b", {}, "#/components/schemas: unknown keyword 'a b'"),
        ("#/paths", None, "#/paths: has to be an object"),
        ("#/tags", {}, "#/tags: has to be an array"),
        ("#/components/schemas/Thing/items", [], "#/components/schemas/Thing/items: has to be an object"),
        (
            "#/components/schemas/Thing/required",
            True,
            "#/components/schemas/Thing/required: has to be an arr",
        ),
        (
            "#/components/schemas/Thing/required",
            [1],
            "#/components/schemas/Thing/required/0: has to be a str",
        ),
        ("#/components/schemas/Thing/$ref", 1, "#/components/schemas/Thing/$ref: has to be a string"),
        ("#/components/schemas/Thing/x-oai-beta", PROSE, "#/components/schemas/Thing/x-oai-beta: this ext"),
        ("#/components/schemas/Thing/x-oai-beta", {}, "#/components/schemas/Thing/x-oai-beta: this ext"),
        ("#/components/schemas/Thing/x-oai-beta", ["a b"], "#/components/schemas/Thing/x-oai-beta: this ext"),
        ("#/paths/~1a/post/parameters/0/$ref", PLACE, "#/paths/~1a/post/parameters/0: unknown keyword 'in'"),
    ],
)
def test_a_document_of_another_shape_stops(pointer: str, value: JSON, message: str) -> None:
    with pytest.raises(CodegenError) as caught:
        facts(changed(pointer, value), "a.yaml")
    assert str(caught.value).startswith(f"a.yaml: {message}")


@pytest.mark.parametrize(
    "reference",
    [
        "#/components/schemas/No",
        "other.yaml#/a",
        "#anchor",
        "#/tags/2",
        "#/tags/x",
        "#/components/examples/One",
    ],
)
def test_a_reference_that_leads_nowhere_stops(reference: str) -> None:
    with pytest.raises(CodegenError, match=r"^a: #/components/schemas/More/\$ref: '.*' does not resolve"):
        facts(changed("#/components/schemas/More", {"$ref": reference}), "a")


def test_a_discriminator_may_name_schemas_in_two_ways() -> None:
    pointer = "#/components/schemas/Thing/discriminator"
    names = {"c": "Thing", "b": PLACE}
    discriminator = {"mapping": names, "propertyName": "type"}
    kept = facts(changed(pointer, discriminator), "a")["components"]["schemas"]["Thing"]["discriminator"]
    assert kept == discriminator
    names["d"] = "Nothing"
    with pytest.raises(CodegenError, match="discriminator/mapping/d: '#/components/schemas/Nothing'"):
        facts(changed(pointer, discriminator), "a")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("201", "Created"),
        ("299", "Successful"),
        ("5XX", "Server Error"),
        ("413", "Content Too Large"),
        ("422", "Unprocessable Content"),
        ("default", "default"),
    ],
)
def test_a_response_is_described_in_our_words(status: str, words: str) -> None:
    kept = facts(changed("#/paths/~1a/post/responses", {status: {}}), "a")
    assert kept["paths"]["/a"]["post"]["responses"][status] == {"description": words}


def test_pointers_are_followed_through_escapes_and_arrays() -> None:
    document = {"a/b": [{"~": 1, "%": 2}]}
    assert resolves(document, "#/a~1b/0/~0")
    assert resolves(document, "#/a~1b/0/%25")
    assert resolves(document, "#")
    assert not resolves(document, "#/a~1b/1")
    assert not resolves(document, "/a~1b")


def test_the_committed_document_is_its_own_facts() -> None:
    path = Path(__file__).parents[2] / "spec" / "openai.json"
    assert dump_json(facts(load(path), path.name)) == path.read_bytes()
