"""The documents and tools of this repository's groups, as they were generated."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from codegen import files
from codegen.actions import limits
from codegen.contract import METHODS

JSON = Any
ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "generated" / "actions"
DATA: dict[str, JSON] = files.load(ROOT / "spec" / "groups.yaml")["actions"][0]["update"]["x-relay-actions"]
GROUPS: dict[str, JSON] = DATA["groups"]
DOCUMENTS = {group: json.loads((FOLDER / f"{group}.json").read_bytes()) for group in GROUPS}
TOOLS = {group: json.loads((FOLDER / f"{group}.tools.json").read_bytes())["tools"] for group in GROUPS}
FORBIDDEN = {"$ref", "oneOf", "anyOf", "allOf", "not", "discriminator", "nullable", "format", "const"}


def operations(document: JSON) -> Iterator[dict[str, JSON]]:
    for item in document["paths"].values():
        yield from (item[method] for method in METHODS if method in item)


def schemas(value: JSON) -> Iterator[dict[str, JSON]]:
    """Each schema in a document's part, found by its `type`."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value
        for part in value.values():
            yield from schemas(part)
    elif isinstance(value, list):
        for part in value:
            yield from schemas(part)


def test_there_is_a_document_for_each_group_and_nothing_else() -> None:
    names = {f"{group}{suffix}" for group in GROUPS for suffix in (".json", ".tools.json")}
    assert {path.name for path in FOLDER.iterdir()} == names


@pytest.mark.parametrize("group", GROUPS)
def test_the_import_takes_a_document_whole(group: str) -> None:
    assert limits.findings(DOCUMENTS[group]) == []


@pytest.mark.parametrize("group", GROUPS)
def test_a_document_is_openapi(group: str) -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENTS[group]).iter_errors()) == []


@pytest.mark.parametrize("group", GROUPS)
def test_a_document_is_short_enough_as_yaml_too(group: str) -> None:
    assert len(yaml.safe_dump(DOCUMENTS[group], sort_keys=False, allow_unicode=True)) < 100_000


@pytest.mark.parametrize("group", GROUPS)
def test_a_document_has_the_operations_of_its_group(group: str) -> None:
    names = {re.sub(r"-(.)", lambda found: found[1].upper(), name) for name in GROUPS[group]["operations"]}
    made = [operation["operationId"] for operation in operations(DOCUMENTS[group])]
    assert sorted(made) == sorted(names)
    assert [tool["name"] for tool in TOOLS[group]] == made


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_in_a_schema_is_beyond_what_the_import_reads(group: str) -> None:
    found = list(schemas(DOCUMENTS[group]["paths"]))
    assert len(found) > len(GROUPS[group]["operations"])
    for schema in found:
        assert not FORBIDDEN & schema.keys()
        assert "properties" in schema or schema["type"] != "object"
        assert "items" in schema or schema["type"] != "array"


@pytest.mark.parametrize("group", GROUPS)
def test_a_function_has_a_name_words_and_a_schema(group: str) -> None:
    for tool in TOOLS[group]:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool["name"])
        assert 0 < len(tool["description"]) <= 300
        assert jsonschema_rs.meta.is_valid(tool["parameters"])
        assert all(re.fullmatch(r"[a-zA-Z0-9_]{1,64}", name) for name in tool["parameters"]["properties"])


def test_what_deletes_asks_first_and_what_reads_does_not() -> None:
    asks = {
        (method, item[method]["x-openai-isConsequential"])
        for document in DOCUMENTS.values()
        for item in document["paths"].values()
        for method in item
    }
    assert asks == {("get", False), ("delete", True), ("post", False), ("post", True)}


def test_words_are_short_sentences() -> None:
    words = [*DATA["operations"].values(), *DATA["fields"].values()]
    assert not [text for text in words if not re.fullmatch(r"\S.{5,}[.…]", text)]
    assert max(len(text) for text in DATA["operations"].values()) <= 90


def names(value: JSON) -> Iterator[str]:
    """The names of all parameters and properties in a document."""
    if isinstance(value, dict):
        if {"name", "in"} <= value.keys():
            yield str(value["name"])
        if isinstance(value.get("properties"), dict):
            yield from value["properties"]
        for part in value.values():
            yield from names(part)
    elif isinstance(value, list):
        for part in value:
            yield from names(part)


def test_no_words_are_left_for_fields_that_are_gone() -> None:
    of_doors = {"openaiFileIdRefs", "openaiFileResponse", "data_base64"}
    of_doors |= {"image_url", "image_base64", "mask_url", "mask_base64"}
    known = set(names(json.loads((ROOT / "generated" / "openapi.json").read_bytes()))) | of_doors
    assert not {field.rpartition(".")[2] for field in DATA["fields"]} - known
